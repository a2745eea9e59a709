import * as v from 'valibot';
import { InputError } from '../../engine/errors.js';
import { busyLoop, haltLoop } from '../../guest/smp.js';
import {
  otherVmexitTests,
  type VmexitTest,
  vmexitLoop,
  vmexitTestNames,
  vmexitTestNumber,
  vmexitTests,
} from '../../guest/vmexit.js';
import { startGuest } from '../../kvm/create-vm.js';
import { vcpuNumber } from '../schema-values.js';
import { setUnitTestHandlers } from './unit-test-guest.js';
import { allIterations, measured, requireVcpu, workloadKind } from './workload.js';

const schema = v.strictObject({
  kind: v.literal('vmexit'),
  /** A test of kvm-unit-tests' `x86/vmexit.c`. */
  test: v.pipe(
    v.string(),
    v.check(
      (name) => !Object.hasOwn(otherVmexitTests, name),
      ({ input }) => `${input} is not modelled: ${otherVmexitTests[input]}`,
    ),
    v.picklist(vmexitTestNames),
  ),
  /** What the target does meanwhile. */
  targetIdle: v.optional(v.picklist(['loop', 'hlt']), 'loop'),
  from: v.optional(vcpuNumber, 0),
  to: v.optional(vcpuNumber, 1),
  ...measured,
});

/** The tests of kvm-unit-tests' `vmexit`: one virtual CPU runs the test, all others wait in a loop or halted. */
export const vmexit = workloadKind({
  schema,
  start(workload, setting) {
    const { test, targetIdle, from, to } = workload;
    const { usesTarget, others, needsX2apic }: VmexitTest = vmexitTests[test];
    if (needsX2apic === true && setting.vm.apicMode !== 'x2apic') {
      throw new InputError('workload.test', `${test} needs vms[${setting.index}].apicMode x2apic`);
    }
    requireVcpu(setting, from, 'workload.from');
    if (usesTarget) {
      requireVcpu(setting, to, 'workload.to');
      if (from === to) throw new InputError('workload.to', 'is the sender itself');
    }
    const { machine } = setting.plan;
    setting.vcpus.forEach((vcpu, number) => {
      setUnitTestHandlers(vcpu);
      if (number === from) {
        const source = startGuest(machine, vcpu, vmexitLoop);
        source.test = vmexitTestNumber(test);
        source.target = to;
        source.iterations = allIterations(workload);
      } else if (others !== undefined) {
        startGuest(machine, vcpu, others).iterations = allIterations(workload);
      } else {
        startGuest(machine, vcpu, targetIdle === 'hlt' ? haltLoop : busyLoop);
      }
    });
  },
  measuredBy: ({ from }) => from,
});
