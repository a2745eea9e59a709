import { call } from '../engine/frames.js';
import { notify } from '../engine/requests.js';
import { local, shared } from '../engine/routine.js';
import { cli, hlt } from '../hardware/instructions.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { beginPauseLoop, endPauseLoop } from '../hardware/pause-loop.js';
import { type GuestMachine, guest, guestMemory } from './machine.js';

const { program, stage, glue, until } = guest;

function numberOf(machine: GuestMachine, processor: LogicalProcessor): number {
  return machine.vcpus[processor.vcpu]?.vcpuId ?? 0;
}

/** `ple_round_robin`: all processors hand on a turn, and spin with PAUSE until it is theirs. kvm-unit-tests `x86/vmexit.c`. */
export const pleRoundRobin = program('ple_round_robin_body', () => ({ target: 0 }), [
  stage('pause', 'guestLoads', shared, (m, cpu) => beginPauseLoop(m, cpu)),
  until('while-not-my-turn', 'guestSpinExit', (m, cpu) => guestMemory(m, cpu).turn === numberOf(m, cpu), {
    channel: (m, cpu) => guestMemory(m, cpu).handledChannel,
    line: (m, cpu) => guestMemory(m, cpu).line,
  }),
  stage('my-turn', 'guestLoads', shared, (m, cpu) => endPauseLoop(m, cpu)),
  stage(
    'hand-on',
    'guestStores',
    shared,
    (m, cpu) => {
      const memory = guestMemory(m, cpu);
      memory.turn = (memory.turn + 1) % memory.processors;
      notify(m, memory.handledChannel);
    },
    { line: (m, cpu) => guestMemory(m, cpu).line },
  ),
]);

/** What the processors do in that test that do not measure: as many turns, then nothing. */
export const pleRoundRobinLoop = program('ple_round_robin_loop', () => ({ iterations: 0 }), [
  glue('test', (m, cpu) => {
    call(m, cpu, pleRoundRobin);
  }),
  stage('loop', 'guestLoop', local, (_m, _cpu, f) => (--f.iterations > 0 ? 'test' : undefined), { to: ['test'] }),
  // For good: interrupts are off.
  stage('cli', 'guestFlag', shared, (m, cpu) => cli(m, cpu)),
  glue('hlt', (m, cpu) => {
    call(m, cpu, hlt);
  }),
]);
