import { test } from 'vitest';
import { mutants, tryMutant } from '../../src/testing/mutants/index.js';
test('x', () => {
  for (const m of mutants) {
    if (process.env['ONLY'] && !m.id.includes(process.env['ONLY'])) continue;
    const t = process.cpuUsage().user;
    const r = tryMutant(m, { limits: { states: Number(process.env['MAX'] ?? 1000000) } });
    const s = (process.cpuUsage().user - t) / 1e6;
    console.log(m.id, r.caught, r.where, r.invariant, r.states, s.toFixed(1), r.schedule);
  }
}, 600000);
