import { test } from 'vitest';
import { exploreModel } from '../../src/testing/models/explore-model.js';
import { models } from '../../src/testing/models/catalogue.js';
test('x', () => {
  for (const model of models) for (const c of model.configurations) {
    const name = `${model.name}/${c.name}`;
    if (process.env['ONLY'] && !name.includes(process.env['ONLY'])) continue;
    const t = process.cpuUsage().user;
    const r = exploreModel(c, { limits: { states: Number(process.env['MAX'] ?? 300000) } });
    const s = (process.cpuUsage().user - t) / 1e6;
    console.log(name, r.complete ? 'complete' : r.limit ?? 'BROKEN', r.states, r.edges, r.depth, s.toFixed(1), Math.round(r.states / s), r.violation?.invariant ?? '', r.violation?.schedule ?? '');
    if (r.violation) console.log(r.violation.trace.slice(-40).join('\n'));
  }
}, 600000);
