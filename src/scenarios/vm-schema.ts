import * as v from 'valibot';
import { guestKernelVersions } from '../guest/linux/kernels.js';
import { ApicvInhibit } from '../kvm/apicv.js';
import { kernelVersion } from './kernel-version.js';
import { count, nonNegative } from './schema-values.js';

const switchable = v.optional(v.boolean());

type InhibitName = keyof typeof ApicvInhibit;
const apicvInhibitNames = Object.keys(ApicvInhibit) as [InhibitName, ...InhibitName[]];

/** What a VM gets from the processor and the host's kernel without the guest's knowing. */
export const hostFeatures = {
  apicv: switchable,
  ipiVirtualization: switchable,
  icrFastpath: switchable,
  tscDeadlineFastpath: switchable,
  preemptionTimerFastpath: switchable,
  hltFastpath: switchable,
  postedTimer: switchable,
  avic: switchable,
};

/** A VM of a scenario. */
export const vmSchema = v.strictObject({
  /** How many virtual CPUs, 1 to 4096. */
  vcpus: v.optional(count(1, 4096), 2),
  /** Mode of the guest's local APICs. */
  apicMode: v.optional(v.picklist(['xapic', 'x2apic']), 'x2apic'),
  /** How the guest addresses its APICs. */
  logicalMode: v.optional(v.picklist(['physical', 'cluster', 'flat']), 'physical'),
  /** The logical processor of each virtual CPU; by default one core each, in order. */
  pinning: v.optional(
    v.lazy((input) => (typeof input === 'string' ? v.picklist(['float']) : v.array(count(0, 65_535)))),
  ),
  /** Defaults to what `host.kernel` had and the processor has. */
  features: v.optional(
    v.strictObject({
      ...hostFeatures,
      pvIpi: switchable,
      pvTlbFlush: switchable,
      pvUnhalt: switchable,
      pvSchedYield: switchable,
      pvEoi: switchable,
      hypervPvIpi: switchable,
      /** The guest writes MSRs by WRMSRNS with the number in the instruction; off if not given. */
      msrImmediate: switchable,
    }),
    {},
  ),
  /** Reasons against APICv that come, and go again, while the VM runs. */
  apicvInhibits: v.optional(
    v.array(
      v.strictObject({
        reason: v.picklist(apicvInhibitNames),
        atNs: v.optional(nonNegative, 0),
        /** For good, if not given. */
        forNs: v.optional(nonNegative),
      }),
    ),
    [],
  ),
  /** What the guest does without an exit: KVM_CAP_X86_DISABLE_EXITS. */
  disableExits: v.optional(v.array(v.picklist(['hlt', 'mwait', 'pause', 'cstate'])), []),
  /** The VM's own maximum of halt polling, in place of the host's: KVM_CAP_HALT_POLL. */
  haltPollNs: v.optional(nonNegative),
  /** What an idle virtual CPU does, in workloads that do not say it themselves. */
  guestIdle: v.optional(v.picklist(['hlt', 'poll', 'mwait', 'haltpoll']), 'hlt'),
  /** The guest's kernel, where the guest is Linux; the nearest to the host's if not given. */
  guestKernel: v.optional(kernelVersion(guestKernelVersions), '6.1'),
  /** Mitigations of speculation in the guest's kernel, where it is Linux: `retpoline`, on its calls through pointers. */
  guestMitigations: v.optional(v.strictObject({ retpoline: switchable }), {}),
  /** The guest's own halt polling (`guestIdle: "haltpoll"`): parameters `guest_halt_poll_ns`, … of its governor. */
  guestHaltPollNs: v.optional(nonNegative, 200_000),
  guestHaltPollGrow: v.optional(count(0, 1000), 2),
  guestHaltPollGrowStart: v.optional(nonNegative, 50_000),
  guestHaltPollShrink: v.optional(count(0, 1000), 2),
  /** Ticks per second of a CPU that is not idle (CONFIG_HZ), where the guest is Linux; 0: no tick. */
  guestTickHz: v.optional(count(0, 10_000), 0),
});

/** A VM with its defaults filled in. */
export interface VmConfig extends v.InferOutput<typeof vmSchema> {}
