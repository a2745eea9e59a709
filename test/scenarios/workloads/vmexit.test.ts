import { describe, expect, test } from 'vitest';
import { InputError } from '../../../src/engine/errors.js';
import { runScenario } from '../../../src/scenarios/run.js';
import type { ScenarioInput } from '../../../src/scenarios/schema.js';

const run = (test: string, more: Partial<ScenarioInput> = {}) =>
  runScenario({ workload: { kind: 'vmexit', test: test as 'ipi', iterations: 20, warmup: 8 }, ...more }).variants[0];
const cycles = (test: string, more?: Partial<ScenarioInput>): number =>
  run(test, more)?.latencyCycles.mean ?? Number.NaN;

describe('what an exit leads to', () => {
  const vmcall = cycles('vmcall');

  // The ratios that were published for quite different processors, 2012 and 2017.
  test('a port of the kernel takes somewhat more than a hypercall, one of the monitor five times that', () => {
    expect(cycles('outl_to_kernel') / vmcall).toBeGreaterThan(1.1);
    expect(cycles('outl_to_kernel') / vmcall).toBeLessThan(1.25);
    expect(cycles('inl_from_qemu') / vmcall).toBeGreaterThan(4.5);
    expect(cycles('inl_from_qemu') / vmcall).toBeLessThan(6);
  });

  test('an eventfd for any value needs no decoding, one for a single value does, user space takes longest', () => {
    const any = cycles('mmio-wildcard-eventfd:pci-mem');
    const one = cycles('mmio-datamatch-eventfd:pci-mem');
    expect(any).toBeLessThan(one);
    expect(one).toBeLessThan(cycles('mmio-no-eventfd:pci-mem'));
    // OUT says what it writes with the exit.
    expect(cycles('portio-wildcard-eventfd:pci-io')).toBe(cycles('portio-datamatch-eventfd:pci-io'));
  });

  test('on AMD every write to a device is decoded', () => {
    const epyc = { profile: 'epyc' };
    expect(cycles('mmio-wildcard-eventfd:pci-mem', epyc)).toBe(cycles('mmio-datamatch-eventfd:pci-mem', epyc));
    expect(run('outl_to_kernel', epyc)?.exits.map(({ reason }) => reason)).toEqual(['IOIO']);
  });

  test('what does not exit takes no longer than a tenth of an exit', () => {
    for (const name of ['mov_from_cr8', 'mov_to_cr8', 'mov_dr', 'wr_kernel_gs_base']) {
      expect(run(name)?.exits, name).toEqual([]);
      expect(cycles(name), name).toBeLessThan(vmcall / 10);
    }
  });
});

test('an IPI has a one-way time: to where the function runs', () => {
  const { latencyNs, oneWayNs } = run('ipi') ?? {};
  expect(oneWayNs?.n).toBe(20);
  expect(oneWayNs?.mean).toBeLessThan(latencyNs?.mean ?? 0);
  expect(oneWayNs?.mean).toBeGreaterThan((latencyNs?.mean ?? 0) / 2);
  expect(run('vmcall')?.oneWayNs).toBeUndefined();
});

test('a test that is not modelled says so, and why', () => {
  expect(() => run('toggle_cr0_wp')).toThrow(InputError);
  expect(() => run('toggle_cr0_wp')).toThrow("workload.test: toggle_cr0_wp is not modelled: most of it is KVM's MMU");
});
