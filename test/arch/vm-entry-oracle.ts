import type { Vmcs, VmcsFieldId, VmEntryContext } from '../../src/arch/index.js';

/**
 * The rules of VM entry a second time, written from the text of the rules only: one predicate a rule over 64-bit integers and
 * bit numbers, without names of controls or anything else of the library. True means: the rule is broken.
 */
interface OracleRule {
  rule: string;
  area: 'control' | 'host' | 'guest' | 'msr-load';
  broken: (v: View) => boolean;
}

/** A VMCS and its surroundings as the rules' text speaks of them. */
class View {
  private readonly vmcs: Vmcs;
  readonly context: VmEntryContext;

  constructor(vmcs: Vmcs, context: VmEntryContext) {
    this.vmcs = vmcs;
    this.context = context;
  }

  /** A field's value. */
  f(id: VmcsFieldId): bigint {
    const value = this.vmcs[id];
    return typeof value === 'number' ? BigInt(value) : BigInt(value[0]) + BigInt(value[1]) * 2n ** 32n;
  }

  /** Bits `high:low` of a field. */
  bits(id: VmcsFieldId, high: number, low: number): bigint {
    return (this.f(id) / 2n ** BigInt(low)) % 2n ** BigInt(high - low + 1);
  }

  bit(id: VmcsFieldId, position: number): boolean {
    return this.bits(id, position, position) === 1n;
  }

  secondary(position: number): boolean {
    return this.bit('primaryControls', 31) && this.bit('secondaryControls', position);
  }

  tertiary(position: number): boolean {
    return this.bit('primaryControls', 17) && this.bit('tertiaryControls', position);
  }

  /** One more than the highest address. */
  get end(): bigint {
    const { addresses32Bit, physicalAddressWidth } = this.context.capabilities;
    return 2n ** BigInt(addresses32Bit ? 32 : physicalAddressWidth);
  }

  goodAddress(id: VmcsFieldId, alignment: bigint): boolean {
    return this.f(id) % alignment === 0n && this.f(id) < this.end;
  }

  get tprShadow() {
    return this.bit('primaryControls', 21);
  }
  get apicAccesses() {
    return this.secondary(0);
  }
  get x2apicMode() {
    return this.secondary(4);
  }
  get registers() {
    return this.secondary(8);
  }
  get delivery() {
    return this.secondary(9);
  }
  get posted() {
    return this.bit('pinBasedControls', 7);
  }
  get ipis() {
    return this.tertiary(4);
  }
  get timer() {
    return this.tertiary(8);
  }

  /** The type of the injected event, or -1. */
  get type(): number {
    return this.bit('injectedEventIdentification', 31) ? Number(this.bits('injectedEventIdentification', 10, 8)) : -1;
  }
  get vector(): number {
    return Number(this.bits('injectedEventIdentification', 7, 0));
  }
  get withErrorCode(): boolean {
    return this.bit('injectedEventIdentification', 11);
  }
  get activity(): number {
    return Number(this.f('guestActivityState'));
  }
  get interruptFlag(): boolean {
    return this.bit('guestRflags', 9);
  }
  blocked(position: number): boolean {
    return this.bit('guestInterruptibilityState', position);
  }
}

/** A 32-bit word against its capability MSR: allowed-0 in the low half, allowed-1 in the high half. */
function notAllowed32(v: View, id: VmcsFieldId, mustBeOne: number, mayBeOne: number): boolean {
  for (let position = 0; position < 32; position++) {
    const one = v.bit(id, position);
    if (one && Math.floor(mayBeOne / 2 ** position) % 2 === 0) return true;
    if (!one && Math.floor(mustBeOne / 2 ** position) % 2 === 1) return true;
  }
  return false;
}

function notAllowed64(v: View, id: VmcsFieldId, mayBeOne: readonly [number, number]): boolean {
  for (let position = 0; position < 64; position++) {
    const allowed = Math.floor((mayBeOne[position < 32 ? 0 : 1] as number) / 2 ** (position % 32)) % 2 === 1;
    if (v.bit(id, position) && !allowed) return true;
  }
  return false;
}

function badArea(v: View, count: VmcsFieldId, address: VmcsFieldId): boolean {
  if (v.f(count) === 0n) return false;
  return v.f(address) % 16n !== 0n || v.f(address) + v.f(count) * 16n - 1n >= v.end;
}

export const oracleRules: readonly OracleRule[] = [
  {
    rule: 'E1',
    area: 'control',
    broken: (v) => v.tprShadow && !v.goodAddress('virtualApicAddress', 4096n),
  },
  { rule: 'E2', area: 'control', broken: (v) => v.apicAccesses && !v.goodAddress('apicAccessAddress', 4096n) },
  { rule: 'E3', area: 'control', broken: (v) => v.tprShadow && !v.delivery && v.bits('tprThreshold', 31, 4) !== 0n },
  {
    rule: 'E4',
    area: 'control',
    broken: (v) =>
      v.tprShadow &&
      !v.apicAccesses &&
      !v.delivery &&
      v.bits('tprThreshold', 3, 0) > (BigInt(v.context.virtualTpr) / 16n) % 16n,
  },
  { rule: 'E5', area: 'control', broken: (v) => !v.tprShadow && (v.x2apicMode || v.registers || v.delivery || v.ipis) },
  { rule: 'E6', area: 'control', broken: (v) => v.x2apicMode && v.apicAccesses },
  { rule: 'E7', area: 'control', broken: (v) => v.delivery && !v.bit('pinBasedControls', 0) },
  {
    rule: 'E8',
    area: 'control',
    broken: (v) =>
      v.posted &&
      !(
        v.delivery &&
        v.bit('exitControls', 15) &&
        v.bits('postedInterruptNotificationVector', 15, 8) === 0n &&
        v.goodAddress('postedInterruptDescriptorAddress', 64n)
      ),
  },
  {
    rule: 'E9',
    area: 'control',
    broken: (v) =>
      v.ipis &&
      (v.f('pidPointerTableAddress') % 8n !== 0n ||
        v.f('pidPointerTableAddress') + 8n * v.f('lastPidPointerIndex') >= v.end),
  },
  {
    rule: 'E10',
    area: 'control',
    broken: (v) =>
      v.timer && !(v.delivery && !v.bit('primaryControls', 12) && v.bits('virtualTimerVector', 15, 8) === 0n),
  },
  {
    rule: 'E11',
    area: 'msr-load',
    broken: ({ context }) => (context.msrLoad ?? []).some(({ index }) => index >= 0x800 && index <= 0x8ff),
  },
  {
    rule: 'MSR load',
    area: 'msr-load',
    broken: ({ context }) =>
      (context.msrLoad ?? []).some(
        ({ index, reserved }) =>
          !(index >= 0x800 && index <= 0x8ff) &&
          (reserved !== 0 ||
            index === 0xc000_0100 ||
            index === 0xc000_0101 ||
            (index === 0x9b && context.inSmm !== true)),
      ),
  },
  {
    rule: 'allowed settings',
    area: 'control',
    broken: (v) => {
      const c = v.context.capabilities;
      return (
        notAllowed32(v, 'pinBasedControls', c.pinBased.mustBeOne, c.pinBased.mayBeOne) ||
        notAllowed32(v, 'primaryControls', c.primary.mustBeOne, c.primary.mayBeOne) ||
        notAllowed32(v, 'exitControls', c.exit.mustBeOne, c.exit.mayBeOne) ||
        notAllowed32(v, 'entryControls', c.entry.mustBeOne, c.entry.mayBeOne) ||
        (v.bit('primaryControls', 31) &&
          notAllowed32(v, 'secondaryControls', c.secondary.mustBeOne, c.secondary.mayBeOne)) ||
        (v.bit('primaryControls', 17) && notAllowed64(v, 'tertiaryControls', c.tertiary)) ||
        (v.bit('exitControls', 31) && notAllowed64(v, 'secondaryExitControls', c.secondaryExit)) ||
        (v.secondary(13) && notAllowed64(v, 'vmFunctionControls', c.vmFunction))
      );
    },
  },
  {
    rule: 'MSR bitmaps',
    area: 'control',
    broken: (v) => v.bit('primaryControls', 28) && !v.goodAddress('addressOfMsrBitmaps', 4096n),
  },
  {
    rule: 'MSR area',
    area: 'control',
    broken: (v) =>
      badArea(v, 'vmExitMsrStoreCount', 'vmExitMsrStoreAddress') ||
      badArea(v, 'vmExitMsrLoadCount', 'vmExitMsrLoadAddress') ||
      badArea(v, 'vmEntryMsrLoadCount', 'vmEntryMsrLoadAddress'),
  },
  {
    rule: 'virtual NMIs',
    area: 'control',
    broken: (v) => v.bit('pinBasedControls', 5) && !v.bit('pinBasedControls', 3),
  },
  { rule: 'NMI window', area: 'control', broken: (v) => v.bit('primaryControls', 22) && !v.bit('pinBasedControls', 5) },
  {
    rule: 'SMM controls',
    area: 'control',
    broken: (v) => {
      const [smm, deactivate] = [v.bit('entryControls', 10), v.bit('entryControls', 11)];
      return v.context.inSmm === true ? smm && deactivate : smm || deactivate;
    },
  },
  {
    rule: 'event type',
    area: 'control',
    broken: (v) =>
      v.type === 1 || (v.type === 7 && Math.floor(v.context.capabilities.primary.mayBeOne / 2 ** 27) % 2 === 0),
  },
  {
    rule: 'event vector',
    area: 'control',
    broken: (v) =>
      (v.type === 2 && v.vector !== 2) || (v.type === 3 && v.vector >= 32) || (v.type === 7 && v.vector !== 0),
  },
  {
    rule: 'event error-code bit',
    area: 'control',
    broken: (v) => {
      if (v.type < 0) return false;
      const hardwareException = v.type === 3;
      const protectedMode = v.bit('guestCr0', 0);
      const relaxed = v.context.capabilities.anyErrorCode === 1;
      const usual = [8, 10, 11, 12, 13, 14, 17].includes(v.vector);
      const mustBeOne = hardwareException && protectedMode && !relaxed && usual;
      const mustBeZero = !hardwareException || !protectedMode || (!relaxed && !usual);
      return (mustBeOne && !v.withErrorCode) || (mustBeZero && v.withErrorCode);
    },
  },
  {
    rule: 'event reserved bits',
    area: 'control',
    broken: (v) => {
      if (v.type < 0) return false;
      const nestedAllowed = v.context.capabilities.nestedException === 1 && v.type === 3;
      return (
        v.bits('injectedEventIdentification', 30, 14) !== 0n ||
        v.bit('injectedEventIdentification', 12) ||
        (v.bit('injectedEventIdentification', 13) && !nestedAllowed)
      );
    },
  },
  {
    rule: 'event error code',
    area: 'control',
    broken: (v) => v.type >= 0 && v.withErrorCode && v.bits('injectedEventErrorCode', 31, 16) !== 0n,
  },
  {
    rule: 'event instruction length',
    area: 'control',
    broken: (v) => {
      if (![4, 5, 6].includes(v.type)) return false;
      const lowest = v.context.capabilities.zeroLengthInjection === 1 ? 0n : 1n;
      return v.f('vmEntryInstructionLength') < lowest || v.f('vmEntryInstructionLength') > 15n;
    },
  },
  {
    rule: 'host selector',
    area: 'host',
    broken: (v) =>
      (['Es', 'Cs', 'Ss', 'Ds', 'Fs', 'Gs', 'Tr'] as const).some((name) => v.f(`host${name}Selector`) % 8n !== 0n),
  },
  {
    rule: 'host selector null',
    area: 'host',
    broken: (v) =>
      v.f('hostCsSelector') === 0n ||
      v.f('hostTrSelector') === 0n ||
      (!v.bit('exitControls', 9) && v.f('hostSsSelector') === 0n),
  },
  { rule: 'guest IF', area: 'guest', broken: (v) => v.type === 0 && !v.interruptFlag },
  {
    rule: 'activity state',
    area: 'guest',
    broken: (v) => {
      const supported = [0];
      for (const state of [1, 2, 3]) {
        if (Math.floor(v.context.capabilities.activityStates / 2 ** (state - 1)) % 2 === 1) supported.push(state);
      }
      return !supported.includes(v.activity);
    },
  },
  {
    rule: 'activity HLT',
    area: 'guest',
    broken: (v) => v.activity === 1 && v.bits('guestSsAccessRights', 6, 5) !== 0n,
  },
  { rule: 'activity blocking', area: 'guest', broken: (v) => v.activity !== 0 && (v.blocked(0) || v.blocked(1)) },
  {
    rule: 'activity event',
    area: 'guest',
    broken: (v) => {
      if (v.type < 0) return false;
      const event = `${v.type}:${v.vector}`;
      if (v.activity === 1) return !(v.type === 0 || v.type === 2 || ['3:1', '3:18', '7:0'].includes(event));
      if (v.activity === 2) return !(v.type === 2 || event === '3:18');
      return v.activity === 3;
    },
  },
  { rule: 'activity SMM', area: 'guest', broken: (v) => v.bit('entryControls', 10) && v.activity === 3 },
  {
    rule: 'interruptibility reserved bits',
    area: 'guest',
    broken: (v) => v.bits('guestInterruptibilityState', 31, 5) !== 0n,
  },
  { rule: 'interruptibility STI and MOV SS', area: 'guest', broken: (v) => v.blocked(0) && v.blocked(1) },
  { rule: 'interruptibility STI', area: 'guest', broken: (v) => v.blocked(0) && !v.interruptFlag },
  {
    rule: 'interruptibility external interrupt',
    area: 'guest',
    broken: (v) => v.type === 0 && (v.blocked(0) || v.blocked(1)),
  },
  { rule: 'interruptibility NMI', area: 'guest', broken: (v) => v.type === 2 && v.blocked(1) },
  { rule: 'interruptibility SMI', area: 'guest', broken: (v) => v.context.inSmm !== true && v.blocked(2) },
  { rule: 'interruptibility SMM entry', area: 'guest', broken: (v) => v.bit('entryControls', 10) && !v.blocked(2) },
  {
    rule: 'interruptibility virtual NMI',
    area: 'guest',
    broken: (v) => v.type === 2 && v.bit('pinBasedControls', 5) && v.blocked(3),
  },
  {
    rule: 'interruptibility enclave',
    area: 'guest',
    broken: (v) => v.blocked(4) && (v.blocked(1) || v.context.sgx !== true),
  },
];

/** The names of the rules that are broken, sorted. */
export function brokenRules(vmcs: Vmcs, context: VmEntryContext): string[] {
  const view = new View(vmcs, context);
  return oracleRules
    .filter(({ broken }) => broken(view))
    .map(({ rule }) => rule)
    .toSorted();
}
