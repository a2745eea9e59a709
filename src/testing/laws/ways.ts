import type { MachineInput } from '../../scenarios/schema.js';

type Features = NonNullable<NonNullable<MachineInput['vms']>[number]['features']>;

/** A way that interrupts take on a host: its processor, and what the VM is offered. */
export interface DeliveryWay {
  readonly name: string;
  /** True if the processor delivers to guests itself, which asks no APIC whether software has disabled it. */
  readonly accelerated: boolean;
  /** The profile of the processor, if it is not the usual one. */
  readonly profile?: string;
  readonly features: Features;
}

/** The ways of Intel hosts, and those of AMD hosts: between those of one list a VM can be moved. */
export const deliveryWays: { readonly intel: readonly DeliveryWay[]; readonly amd: readonly DeliveryWay[] } = {
  intel: [
    { name: 'with IPI virtualization', accelerated: true, features: {} },
    { name: 'without APICv', accelerated: false, features: { apicv: false } },
    { name: 'with APICv', accelerated: true, features: { ipiVirtualization: false } },
  ],
  amd: [
    { name: 'with AVIC', accelerated: true, profile: 'epyc', features: { avic: true } },
    { name: 'without AVIC', accelerated: false, profile: 'epyc', features: {} },
  ],
};

/** Who made the host's processors. */
export type Vendor = keyof typeof deliveryWays;

/** The profile of a way, as a part of a machine. */
export function profileOfWay({ profile }: DeliveryWay): Pick<MachineInput, 'profile'> {
  return profile === undefined ? {} : { profile };
}
