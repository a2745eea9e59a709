import type { ApicMode } from '../../arch/apic-mode.js';
import type { ApicRegisters } from '../../arch/apic-registers.js';
import { testBit } from '../../arch/bits256.js';
import { matchesDestination, matchesShorthand } from '../../arch/destination.js';
import {
  DeliveryMode,
  icrDeliveryMode,
  icrDestinationMode,
  icrShorthand,
  icrVector,
  Shorthand,
} from '../../arch/icr.js';

/** What accounts know of a virtual CPU beside what it is told: its local APIC as software could read it, and what was posted to it. */
export interface AccountHolder {
  readonly vm: number;
  readonly apicMode: ApicMode;
  readonly page: ApicRegisters;
  readonly pir: readonly number[];
  /** The vector that its guest has ended by memory (PV EOI) and that the hypervisor has not taken out of the in-service register yet, -1 for none. */
  readonly endedByMemory?: number;
}

/** A law that did not hold. */
export interface BrokenLaw {
  /** Its name, as in {@link laws}. */
  readonly law: LawName;
  /** What happened, in a sentence. */
  readonly message: string;
}

/**
 * The laws of interrupt delivery that `runCase` enforces on any run, whatever the machine, the program and the schedule. Each is
 * stated over what a guest can tell: what it sent, what it took, what it reads.
 */
export const laws = {
  'no lost interrupt':
    'Every fixed interrupt that was sent is taken after it was sent, or is still requested where it is held back.',
  'nothing spurious':
    'A vector is taken no more often than it was sent, and only by a virtual CPU to which it was sent.',
  'priority order':
    'A vector is taken only if its class is above the task priority and all that is in service, and only with interrupts enabled.',
  'one EOI per in-service bit':
    'The in-service register holds exactly what was taken and not ended; an EOI ends the highest.',
  'no lost wake-up': 'At rest no virtual CPU has an interrupt that it could take.',
  'bounded work': 'Every program comes to its end, or halts; nothing goes on for ever.',
  'event latching': 'An NMI is taken once for one or more that were sent, never inside the handler of another.',
  'consistent state':
    "After every stage the invariants hold that protect the others: descriptors, mirrors, run queues, KVM's own marks.",
  'processor time':
    'In a timed run, what each processor and each virtual CPU spent its time on adds up to the time that passed.',
  'internal expectations': 'No routine finds what it must never find.',
} as const;

/** Name of a law. */
export type LawName = keyof typeof laws;

interface Account {
  /** By vector: times sent, and when last. */
  sent: number[];
  lastSent: number[];
  taken: number[];
  lastTaken: number[];
  /** What was taken and not ended, oldest first. */
  inService: number[];
  interruptFlag: number;
  /** Task-priority classes that may be in force: one, or two while the guest changes it. */
  tpr: number[];
  nmiBlocked: boolean;
}

function account(): Account {
  const zeros = () => new Array<number>(256).fill(0);
  const never = () => new Array<number>(256).fill(-1);
  return {
    sent: zeros(),
    lastSent: never(),
    taken: zeros(),
    lastTaken: never(),
    inService: [],
    interruptFlag: 1,
    tpr: [0],
    nmiBlocked: false,
  };
}

const nmi = 2;
const hex = (vector: number): string => `${vector.toString(16).toUpperCase()}H`;

function vectorsOf(set: readonly number[]): number[] {
  const vectors: number[] = [];
  for (let vector = 0; vector < 256; vector++) if (testBit(set as number[], vector)) vectors.push(vector);
  return vectors;
}

/**
 * Bookkeeping of a run: it is told what is sent, taken, ended and masked, in order, and keeps what does not balance. It knows nothing of how
 * interrupts travel: whom a message is meant for it decides by itself, from the APICs' registers at the time.
 */
export class Accounts {
  /** What did not hold, in the order in which it showed. */
  readonly broken: BrokenLaw[] = [];
  private readonly books: Account[];
  /** Lowest-priority messages: candidates and vector. */
  private readonly arbitrated: { vector: number; candidates: number[]; time: number }[] = [];
  private time = 0;
  private readonly targets: readonly AccountHolder[];

  /** @param targets - the virtual CPUs by number; the objects are looked at again and again. */
  constructor(targets: readonly AccountHolder[]) {
    this.targets = targets;
    this.books = targets.map(account);
  }

  private of(vcpu: number): Account {
    return this.books[vcpu] as Account;
  }

  private breaks(law: LawName, message: string): void {
    if (this.broken.length < 10) this.broken.push({ law, message });
  }

  /** For whom a message is meant: virtual CPUs of the VM `vm`. `source` -1 is a device. */
  receivers(vm: number, source: number, icr: number, destination: number): number[] {
    const shorthand = icrShorthand(icr);
    const found: number[] = [];
    this.targets.forEach((target, id) => {
      if (target.vm !== vm) return;
      const addressee = { mode: target.apicMode, registers: target.page };
      const meant =
        shorthand === Shorthand.none
          ? matchesDestination(addressee, destination, icrDestinationMode(icr))
          : matchesShorthand(shorthand, id === source);
      if (meant) found.push(id);
    });
    return found;
  }

  /** A message of a virtual CPU (or -1) is about to be sent. */
  send(vm: number, source: number, icr: number, destination: number): void {
    const mode = icrDeliveryMode(icr);
    const vector = mode === DeliveryMode.nmi ? nmi : icrVector(icr);
    if (mode !== DeliveryMode.fixed && mode !== DeliveryMode.lowestPriority && mode !== DeliveryMode.nmi) return;
    if (mode !== DeliveryMode.nmi && vector < 16) return;
    const receivers = this.receivers(vm, source, icr, destination);
    this.time++;
    if (mode === DeliveryMode.lowestPriority) {
      const candidates = receivers.filter((id) => ((this.targets[id] as AccountHolder).page.svr & 0x100) !== 0);
      if (candidates.length > 0) this.arbitrated.push({ vector, candidates, time: this.time });
      return;
    }
    for (const id of receivers) this.request(id, vector);
  }

  /** A vector is about to be requested at a virtual CPU by something else than a message: a timer, the IOMMU. */
  request(vcpu: number, vector: number): void {
    const to = this.of(vcpu);
    to.sent[vector] = (to.sent[vector] as number) + 1;
    to.lastSent[vector] = ++this.time;
  }

  /** From now on a vector may come as often as it likes: that of a line that stays up. */
  repeats(vcpu: number, vector: number): void {
    this.of(vcpu).sent[vector] = Number.MAX_SAFE_INTEGER;
  }

  /** A virtual CPU takes a vector: its handler begins. */
  take(vcpu: number, vector: number): void {
    const by = this.of(vcpu);
    this.time++;
    by.taken[vector] = (by.taken[vector] as number) + 1;
    by.lastTaken[vector] = this.time;
    if (vector === nmi) {
      if (by.nmiBlocked) this.breaks('event latching', `virtual CPU ${vcpu} takes an NMI inside an NMI's handler`);
      if ((by.taken[nmi] as number) > (by.sent[nmi] as number)) {
        this.breaks('event latching', `virtual CPU ${vcpu} takes an NMI that nobody sent`);
      }
      by.nmiBlocked = true;
      return;
    }
    const shared = this.arbitrated.filter((one) => one.vector === vector && one.candidates.includes(vcpu));
    const own = by.sent[vector] as number;
    if ((by.taken[vector] as number) > own + shared.length) {
      const times = own + shared.length === 0 ? 'was not sent to it' : `was sent to it ${own + shared.length} times`;
      this.breaks('nothing spurious', `virtual CPU ${vcpu} takes ${hex(vector)}, which ${times}`);
    } else if (shared.length > 0 && own === 0) {
      const candidates = new Set(shared.flatMap((one) => one.candidates));
      const all = [...candidates].reduce((sum, id) => sum + (this.of(id).taken[vector] as number), 0);
      const sent = this.arbitrated.filter((one) => one.vector === vector).length;
      if (all > sent)
        this.breaks('nothing spurious', `${hex(vector)} was to go to one of its receivers and came to more`);
    }
    const priority = Math.min(...by.tpr);
    const service = Math.max(-1, ...by.inService);
    if (vector >> 4 <= Math.max(priority, service >> 4)) {
      const held = service >> 4 >= priority ? `${hex(service)} is in service` : `its task priority is ${priority}`;
      this.breaks('priority order', `virtual CPU ${vcpu} takes ${hex(vector)} while ${held}`);
    }
    if (by.interruptFlag === 0) {
      this.breaks('priority order', `virtual CPU ${vcpu} takes ${hex(vector)} with interrupts disabled`);
    }
    by.inService.push(vector);
    by.interruptFlag = 0;
  }

  /** A virtual CPU has written EOI. */
  end(vcpu: number): void {
    const { inService } = this.of(vcpu);
    const highest = Math.max(...inService);
    const index = inService.lastIndexOf(highest);
    if (index >= 0) inService.splice(index, 1);
    this.compareInService(vcpu);
  }

  /** Compares the in-service register with the books: at any moment at which nothing is under way on that virtual CPU. */
  compareInService(vcpu: number): void {
    const { inService } = this.of(vcpu);
    const { page, endedByMemory } = this.targets[vcpu] as AccountHolder;
    const isr = vectorsOf(page.isr).filter((vector) => vector !== endedByMemory);
    const expected = [...new Set(inService)].sort((a, b) => a - b);
    if (isr.join() === expected.join()) return;
    const list = (vectors: number[]): string => (vectors.length === 0 ? 'nothing' : vectors.map(hex).join(', '));
    this.breaks(
      'one EOI per in-service bit',
      `virtual CPU ${vcpu} has ${list(isr)} in service, having taken and not ended ${list(expected)}`,
    );
  }

  /** RFLAGS.IF of a virtual CPU is now this. */
  setInterruptFlag(vcpu: number, flag: number): void {
    this.of(vcpu).interruptFlag = flag;
  }

  /** A virtual CPU changes its task-priority class; {@link settleTaskPriority} when that is done. */
  changeTaskPriority(vcpu: number, priority: number): void {
    this.of(vcpu).tpr.push(priority);
  }

  /** The last change of the task priority is done. */
  settleTaskPriority(vcpu: number): void {
    const by = this.of(vcpu);
    by.tpr = [by.tpr[by.tpr.length - 1] as number];
  }

  /** An NMI's handler returns. */
  endNmi(vcpu: number): void {
    this.of(vcpu).nmiBlocked = false;
  }

  /** Something that has no account here did not hold. */
  fail(law: LawName, message: string): void {
    this.breaks(law, message);
  }

  /** The machine is at rest: draws the balance. */
  balance(): readonly BrokenLaw[] {
    this.targets.forEach((target, vcpu) => {
      const by = this.of(vcpu);
      this.compareInService(vcpu);
      const floor = Math.max(by.tpr[by.tpr.length - 1] as number, Math.max(-1, ...by.inService) >> 4);
      const requested = new Set([...vectorsOf(target.page.irr), ...vectorsOf(target.pir)]);
      for (const vector of requested) {
        const shared = this.arbitrated.some((one) => one.vector === vector && one.candidates.includes(vcpu));
        if (by.sent[vector] === 0 && !shared) {
          this.breaks(
            'nothing spurious',
            `${hex(vector)} is requested at virtual CPU ${vcpu}, to which nobody sent it`,
          );
        }
      }
      const highest = Math.max(-1, ...requested);
      if (highest >> 4 > floor && by.interruptFlag === 1) {
        this.breaks('no lost wake-up', `virtual CPU ${vcpu} could take ${hex(highest)} and nothing happens any more`);
      }
      for (let vector = 0; vector < 256; vector++) {
        const last = by.lastSent[vector] as number;
        if (last < 0 || (by.lastTaken[vector] as number) > last || requested.has(vector)) continue;
        if (vector === nmi) this.breaks('event latching', `an NMI to virtual CPU ${vcpu} never came`);
        else this.breaks('no lost interrupt', `${hex(vector)} was sent to virtual CPU ${vcpu} and never came`);
      }
    });
    for (const { vector, candidates, time } of this.arbitrated) {
      const came = candidates.some((id) => (this.of(id).lastTaken[vector] as number) > time);
      const waits = candidates.some((id) => {
        const { page, pir } = this.targets[id] as AccountHolder;
        return testBit(page.irr, vector) || testBit(pir as number[], vector);
      });
      if (!came && !waits)
        this.breaks('no lost interrupt', `${hex(vector)} was to go to one of several and came to none`);
    }
    return this.broken;
  }
}
