import { highestBit } from '../arch/bits256.js';
import { Primary } from '../arch/controls.js';
import type { KvmVcpu } from './machine.js';

/**
 * Whether a write of CR8 has to be seen: something is pending that TPR holds back. With AVIC the core looks at IRR itself. Linux
 * `svm_update_cr8_intercept`.
 */
export function updateCr8Intercept(vcpu: KvmVcpu): void {
  const highest = vcpu.apicvActive === 1 ? -1 : highestBit(vcpu.page.irr);
  const held = highest >= 0 && vcpu.page.tpr >>> 4 >= highest >> 4;
  const { primaryControls } = vcpu.vmcs;
  vcpu.vmcs.primaryControls =
    (held ? primaryControls | Primary.cr8LoadExiting : primaryControls & ~Primary.cr8LoadExiting) >>> 0;
}
