import { expect, test } from 'vitest';
import type { VmexitTestName } from '../../src/guest/vmexit.js';
import { createRun } from '../../src/scenarios/run.js';
import { parseScenario } from '../../src/scenarios/schema.js';

/** Stages that one access runs between its exit and the next entry: of whoever emulates it. */
function emulates(name: VmexitTestName): string[] {
  const stages: string[] = [];
  const scenario = parseScenario({
    topology: { coresPerSocket: 3 },
    workload: { kind: 'vmexit', test: name, iterations: 1, warmup: 3 },
  });
  const run = createRun(scenario, 1, {
    plain: true,
    onStage: (_processor, { routine, name: stage }) => {
      if (/^(handle_io|kvm_exit_io|vcpu_mmio_write|fast_mmio)$/.test(routine.name)) stages.push(stage);
    },
  });
  run.run();
  expect(run.state.observers.iterations).toHaveLength(1);
  // The last of the accesses, which are all the same.
  return stages.slice(stages.length - stages.length / 4);
}

const inUserSpace = ['vcpu_put', 'address_space_rw', 'KVM_RUN', 'complete_userspace_io'];

test.each([
  ["a port of the kernel's own device", 'inl_from_kernel', ['kvm_fast_pio', 'kvm_skip_emulated_instruction']],
  ['a port of a device of the monitor', 'inl_from_qemu', ['kvm_fast_pio', ...inUserSpace]],
  [
    'a port with an eventfd',
    'portio-wildcard-eventfd:pci-io',
    ['kvm_fast_pio', 'ioeventfd_write', 'kvm_skip_emulated_instruction'],
  ],
  ['memory of a device of the monitor', 'mmio-no-eventfd:pci-mem', ['decode', 'kvm_io_bus_write', ...inUserSpace]],
  [
    'memory with an eventfd for one value',
    'mmio-datamatch-eventfd:pci-mem',
    ['decode', 'kvm_io_bus_write', 'ioeventfd_write'],
  ],
  [
    'memory with an eventfd for any value, without decoding',
    'mmio-wildcard-eventfd:pci-mem',
    ['ioeventfd_write', 'kvm_skip_emulated_instruction'],
  ],
] as const)('%s', (_what, name, expected) => {
  expect(emulates(name)).toEqual([...expected]);
});
