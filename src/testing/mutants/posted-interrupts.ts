import { highestBit } from '../../arch/bits256.js';
import { done } from '../../engine/routine.js';
import { store } from '../../engine/store-buffer.js';
import { currentVcpu } from '../../hardware/machine.js';
import { vmxDeliverPostedInterrupt } from '../../kvm/deliver.js';
import { descriptorOf, VcpuMode, vcpuMode, vmOf } from '../../kvm/machine.js';
import { vmxPiStartBypass, vmxVcpuPiLoad, vmxVcpuPiPut } from '../../kvm/pi-load-put.js';
import { vcpuEnterGuest } from '../../kvm/run.js';
import { vmxSyncPirToIrr } from '../../kvm/sync-pir-to-irr.js';
import { change, type Mutant, skip } from './mutant.js';

export const postedInterruptMutants: readonly Mutant[] = [
  {
    id: 'PI-01',
    title: 'Clearing SN does not rebuild ON',
    history:
      'While SN is 1 hardware posts into PIR and leaves ON clear. The load cleared SN and left ON as it was, so all that look at ON first found nothing.',
    source: 'Linux vmx_vcpu_pi_load; repaired by c112b5f50232',
    breaks: ['INV1', 'INV2', 'INV7'],
    changes: [skip(vmxVcpuPiLoad, 'set-on')],
    detector: { by: 'explorer', model: 'block', configuration: 'ipi-virtualization-preempted' },
  },
];
void [
  highestBit,
  done,
  store,
  currentVcpu,
  vmxDeliverPostedInterrupt,
  descriptorOf,
  vcpuMode,
  VcpuMode,
  vmOf,
  vmxPiStartBypass,
  vmxVcpuPiPut,
  vcpuEnterGuest,
  vmxSyncPirToIrr,
  change,
];
