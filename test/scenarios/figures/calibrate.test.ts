import { describe, expect, test } from 'vitest';
import { InputError } from '../../../src/engine/errors.js';
import { calibrate } from '../../../src/scenarios/figures/calibrate.js';
import { ipiVirtualizationSeries } from '../../../src/scenarios/figures/ipi-virtualization-series.js';

// The whole calibration takes minutes and is run by hand; here are four figures and the four numbers that they pin.

describe('a calibration to the IPI-virtualization series', () => {
  const parameters = ['sendSoftware', 'slowExitSoftware', 'delivery', 'sapphire-rapids.apicPageAccess'];
  const calibration = calibrate({ figures: ipiVirtualizationSeries }, { parameters });

  test('meets its four means with four numbers', () => {
    expect(calibration.parameters.map(({ name }) => name).sort()).toEqual([...parameters].sort());
    for (const { id, errorPct } of calibration.figures) expect(Math.abs(errorPct), id).toBeLessThan(1);
  });

  test('knows which figure depends on what: APIC-page accesses count in xAPIC mode only, sending without IPI virtualization only', () => {
    const column = (name: string) => calibration.parameters.findIndex((parameter) => parameter.name === name);
    const slope = (id: string, name: string) =>
      calibration.figures.find((figure) => figure.id === id)?.sensitivity[column(name)];
    expect(slope('ipiv-x2apic', 'sapphire-rapids.apicPageAccess')).toBe(0);
    expect(slope('ipiv-xapic', 'sapphire-rapids.apicPageAccess')).toBeGreaterThan(0.1);
    expect(slope('ipiv-x2apic-ipiv', 'sendSoftware')).toBe(0);
    expect(slope('ipiv-x2apic', 'sendSoftware')).toBeGreaterThan(0.05);
    expect(slope('ipiv-x2apic', 'slowExitSoftware')).toBe(0);
    expect(slope('ipiv-xapic', 'slowExitSoftware')).toBeGreaterThan(0.05);
  });

  test('refuses figures that are wrong with their place', () => {
    expect(() => calibrate({ figures: [] })).toThrow(InputError);
  });
});
