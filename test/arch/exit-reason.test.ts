import { describe, expect, it } from 'vitest';
import { ExitReason } from '../../src/arch/index.js';
import { specVmcs } from './spec-data.js';

describe('exit reasons', () => {
  it('have the numbers of the sources, no more and no fewer', () => {
    const modelled = Object.values(ExitReason).toSorted((a, b) => a - b);
    expect(modelled).toEqual(specVmcs.exitReasons.map(({ number }) => number));
    expect(modelled.filter((number) => specVmcs.exitReasonsReserved.includes(number))).toEqual([]);
  });

  it("have Linux's names where Linux has one", () => {
    const byNumber = new Map(Object.entries(ExitReason).map(([name, number]) => [number as number, name]));
    for (const { number, kvmName } of specVmcs.exitReasons) {
      if (kvmName !== null) expect(byNumber.get(number)?.toUpperCase()).toBe(kvmName.replaceAll('_', ''));
    }
  });
});
