import { call } from '../../engine/frames.js';
import { recordKind } from '../../engine/records.js';
import { observe } from '../../engine/requests.js';
import { shared } from '../../engine/routine.js';
import { runScheduled } from '../../engine/scheduled.js';
import { randomScheduler } from '../../engine/scheduler.js';
import type { Thread } from '../../engine/state.js';
import { guest } from '../../guest/machine.js';
import { hardwareHooks } from '../../hardware/events.js';
import { cpuid, hlt } from '../../hardware/instructions.js';
import { setHandler } from '../../hardware/interrupt-table.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { addTask } from '../../host/create-host.js';
import { startUpHandler } from '../../kvm/accept-events.js';
import { startGuest } from '../../kvm/create-vm.js';
import { MpState, vcpuOf } from '../../kvm/machine.js';
import { createRun } from '../../scenarios/run.js';
import { type MachineInput, parseMachine } from '../../scenarios/schema.js';
import type { SystemMachine } from '../../scenarios/system-machine.js';
import { brokenInvariants } from '../invariants/index.js';
import { enter, ledgerOf } from '../invariants/ledger.js';
import { patient } from './case.js';
import { guestProgram, handlers, nmiHandler, setProgram } from './guest-program.js';
import { hostProgram, setHostProgram } from './host-program.js';
import type { HostOperation } from './operations.js';

const { program, stage, glue } = guest;

/** What a started virtual CPU tells. */
const started = recordKind('virtual-cpu-started', 'vcpu', 'vector');

/** Runs for some exits, so that the next INIT may find it running, then halts. */
const startedProgram = program('started_program', () => ({ exits: 4 }), [
  stage('started', 'guestFlag', shared, (m, cpu) => {
    observe(m, started, cpu.vcpu);
  }),
  glue('more', (_m, _cpu, f) => (f.exits-- > 0 ? undefined : 'hlt'), { to: ['hlt'] }),
  glue('cpuid', (m, cpu) => {
    call(m, cpu, cpuid);
  }),
  glue('next', () => 'more', { to: ['more'] }),
  glue('hlt', (m, cpu) => {
    call(m, cpu, hlt);
  }),
  stage('again', 'guestLoop', shared, () => 'hlt', { to: ['hlt'] }),
]);

/** One message of a start-up: INIT, a SIPI with a vector; or what an INIT may find there: a fixed interrupt, an NMI. */
export type StartUpMessage = { readonly to: number } & (
  | { readonly init: true }
  | { readonly sipi: number }
  | { readonly vector: number }
  | { readonly nmi: true }
);

/** A bootstrap processor that starts others, and a host that interferes. */
export interface StartUpCase {
  /** As for `createMachine`: its first VM's first virtual CPU starts the others. */
  readonly machine: MachineInput;
  readonly messages: readonly StartUpMessage[];
  readonly host: readonly HostOperation[];
  readonly seed: number;
}

/**
 * INIT and SIPI are latched, not lost (INV14): a virtual CPU whose last INIT was followed by a SIPI runs, from the vector of one of the
 * SIPIs since; one whose last INIT was not waits; each INIT lets it be started once, and leaves nothing of what was pending.
 *
 * @returns what did not hold, in words, or undefined
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { checkStartUp } from 'vmx-apic/testing';
 *
 * const wrong = checkStartUp({
 *   machine: { topology: { coresPerSocket: 3 }, vms: [{ vcpus: 2 }] },
 *   messages: [{ to: 1, init: true }, { to: 1, sipi: 8 }, { to: 1, sipi: 8 }],
 *   host: [{ op: 'preempt', processor: 1 }],
 *   seed: 1,
 * });
 * assert.equal(wrong, undefined);
 * ```
 */
export function checkStartUp({ machine: input, messages, host, seed }: StartUpCase): string | undefined {
  const { machine } = createRun(parseMachine(input)).state;
  const starts = new Map<number, number>();
  for (const vcpu of machine.vcpus) {
    (machine.threads[vcpu.thread] as Thread).length = 0;
    vcpu.guestInterrupts.length = 0;
    setHandler(vcpu.guestInterrupts, startUpHandler, startedProgram.entry);
    setHandler(vcpu.guestInterrupts, 2, nmiHandler.entry);
    for (const message of messages) {
      if ('vector' in message) setHandler(vcpu.guestInterrupts, message.vector, handlers.plain.entry);
    }
    // As after reset: without a program, and with interrupts disabled.
    if (vcpu.vcpuId > 0) Object.assign(vcpu, { mpState: MpState.uninitialized, interruptFlag: 0 });
    else setProgram(startGuest(machine, vcpu, guestProgram), vcpu.vm === 0 ? messages.map(sendOf(input)) : []);
  }
  const task = addTask(machine, hostProgram as never, { allowed: [machine.processors.length - 1] });
  setHostProgram(machine.threads[machine.tasks[task]?.thread ?? -1]?.[0]?.locals ?? {}, host);
  const memory = ledgerOf(machine);
  let broken: string | undefined;
  const { end } = runScheduled<SystemMachine, LogicalProcessor, object>(
    { machine, observers: {} },
    {
      hooks: hardwareHooks,
      observe: (_observers, processor, kind, a, b, m) => {
        if (kind === started) starts.set(a, (starts.get(a) ?? 0) + 1);
        enter(memory, kind, a, b, m, processor);
      },
      onStage: () => {
        broken ??= brokenInvariants(machine, memory)[0];
      },
    },
    patient(randomScheduler(seed), seed),
    40_000,
  );
  if (broken !== undefined) return broken;
  if (end !== 'quiescent') return 'the machine does not come to rest';
  for (const id of machine.vms[0]?.vcpus ?? []) {
    const vcpu = vcpuOf(machine, id);
    if (vcpu.vcpuId === 0) continue;
    const own = messages.filter(({ to }) => to === vcpu.vcpuId);
    const last = own.findLastIndex((one) => 'init' in one);
    const vectors = own.slice(last + 1).flatMap((one) => ('sipi' in one ? [one.sipi] : []));
    const inits = own.filter((one, i) => 'init' in one && own.slice(i + 1).some((later) => 'sipi' in later)).length;
    const count = starts.get(id) ?? 0;
    const runs = last >= 0 && vectors.length > 0;
    if (runs && (vcpu.mpState === MpState.uninitialized || vcpu.mpState === MpState.initReceived))
      return `virtual CPU ${id} was sent INIT and SIPI, and does not run`;
    if (runs && !vectors.includes(vcpu.sipiVector)) return `virtual CPU ${id} runs from a vector that no SIPI had`;
    if (runs && count === 0) return `virtual CPU ${id} never began`;
    if (last >= 0 && !runs && vcpu.mpState !== MpState.initReceived)
      return `virtual CPU ${id} does not wait for its SIPI`;
    if (last < 0 && count > 0) return `virtual CPU ${id} was started without an INIT`;
    if (count > inits) return `virtual CPU ${id} was started ${count} times, with ${inits} INITs`;
  }
  return undefined;
}

function icrOf(message: StartUpMessage): number {
  if ('init' in message) return 0x4500;
  if ('sipi' in message) return 0x4600 | message.sipi;
  return 'nmi' in message ? 0x4400 : 0x4000 | message.vector;
}

function sendOf({ vms = [] }: MachineInput) {
  const x2apic = vms[0]?.apicMode !== 'xapic';
  return (message: StartUpMessage) => {
    const icr = icrOf(message);
    return { op: 'send', icr, destination: x2apic ? message.to : message.to & 0xff } as const;
  };
}
