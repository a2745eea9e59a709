import fc from 'fast-check';
import { type Cost, type CostTable, resolveCosts } from '../../src/engine/costs.js';
import { call, interruptWith, restartInstruction } from '../../src/engine/frames.js';
import type { Hooks } from '../../src/engine/interpreter.js';
import { arm, cancel, costKey, expired, notify, observe, readClock, send } from '../../src/engine/requests.js';
import { local, notation, type Routine, type RoutineKind, shared } from '../../src/engine/routine.js';
import { machineSchema, processorSchema } from '../../src/engine/schema-engine.js';
import { integer, list, record, register } from '../../src/engine/schema-values.js';
import {
  createProcessor,
  createTimer,
  emptyRequests,
  type Machine,
  type Processor,
  type Thread,
} from '../../src/engine/state.js';
import type { TimedOptions } from '../../src/engine/timed.js';
import { createRunState, type RunState } from '../../src/engine/timing.js';

/**
 * Machines and programs made at random, with everything that the engine offers: local and shared stages, calls, instructions that
 * restart, microcode, glue, loops, waits, messages taken as interrupts, timers, work, cache lines, shadows, observations.
 */
export interface RandomMachine extends Machine {
  processors: RandomProcessor[];
  cells: number[];
}

export interface RandomProcessor extends Processor {
  /** What local stages work on. */
  own: number;
  /** Interrupts that have arrived, in ascending order; the greatest is taken first. */
  pending: number[];
  /** Restarts of instructions that are still to be. */
  faults: number;
}

/** What a check remembers: for each processor a digest of all it observed, in order, and how much that was. */
export interface Log {
  digest: number[];
  count: number[];
}

/** An element of a random program. */
export type Element =
  | { readonly op: 'own' | 'look' | 'observe' | 'clock' | 'mask' | 'unmask' | 'fault' | 'skip'; readonly n: number }
  | {
      readonly op: 'add' | 'read' | 'wait' | 'send' | 'work' | 'arm' | 'cancel' | 'sleep';
      readonly on: number;
      readonly n: number;
    }
  | {
      readonly op: 'call' | 'repeat';
      readonly kind: RoutineKind;
      readonly n: number;
      readonly body: readonly Element[];
    };

/** A random machine: a program for each processor, and what everything costs. */
export interface Plan {
  readonly programs: readonly (readonly Element[])[];
  readonly steps: readonly number[];
  readonly flight: Cost;
  readonly line: Cost;
  readonly jitter: number;
  readonly seed: number;
}

const { program, instruction, microcode, stage, glue, until } = notation<RandomMachine, RandomProcessor>();
const cells = 3;
const timers = 2;
const stepKeys = ['randomStep0', 'randomStep1', 'randomStep2'] as const;
const flight = costKey('randomFlight');
const timerChannel = (timer: number): number => cells + timer;

function mix(old: number, value: number): number {
  return (Math.imul(old ^ value, 0x9e37_79b1) >>> 7) & 0xffff;
}

type Locals = { x: number; rounds: number };
const locals = (): Locals => ({ x: 0, rounds: 0 });

type Stages = Parameters<typeof program<Locals>>[2][number][];

/** Where stages stand: `closed` where no event is recognised, `restartable` within an instruction. */
interface Place {
  readonly closed: boolean;
  readonly restartable: boolean;
}

/** Routines have names that nobody had before; what they are called does not matter. */
let made = 0;

function build(kind: RoutineKind, elements: readonly Element[], outside: Place, times = 1): Routine<Locals> {
  const place = {
    closed: outside.closed || kind !== 'program',
    restartable: outside.restartable || kind === 'instruction',
  };
  const stages: Stages = [
    glue('first', () => undefined),
    ...elements.flatMap((element, i) => stagesOf(element, i, place)),
    glue('again', (_m, _cpu, f) => (++f.rounds < times ? 'first' : undefined), { to: ['first'] }),
  ];
  const name = `random-${made++}`;
  if (kind === 'instruction') return instruction(name, locals, ['x', 'rounds'], stages);
  return kind === 'program' ? program(name, locals, stages) : microcode(name, locals, stages);
}

function stagesOf(element: Element, i: number, place: Place): Stages {
  const { n } = element;
  const name = `${element.op}-${i}`;
  const cost = stepKeys[n % stepKeys.length] as string;
  switch (element.op) {
    case 'own':
      return [
        stage(name, cost, local, (_m, cpu, f, returned) => {
          f.x = mix(f.x + returned, n);
          cpu.own = mix(cpu.own, f.x);
        }),
      ];
    case 'look':
      return [
        stage(name, cost, shared, (_m, cpu) => {
          cpu.own = mix(cpu.own, cpu.pending.length);
        }),
      ];
    case 'observe':
      return [
        stage(name, cost, local, (m, cpu, f) => {
          observe(m, n, cpu.own, f.x);
        }),
      ];
    case 'clock':
      return [
        stage(name, cost, local, (m) => {
          readClock(m);
        }),
        stage(`use-${i}`, cost, local, (_m, cpu, _f, returned) => {
          cpu.own = mix(cpu.own, returned);
        }),
      ];
    case 'skip':
      return [
        glue(name, (_m, _cpu, f) => (f.x % 2 === 0 ? `past-${i}` : undefined), { to: [`past-${i}`] }),
        stage(`stay-${i}`, cost, local, (_m, cpu) => {
          cpu.own = mix(cpu.own, n);
        }),
        glue(`past-${i}`, (_m, _cpu, f) => {
          f.x++;
        }),
      ];
    case 'mask':
      return [
        stage(name, cost, shared, (_m, cpu) => {
          cpu.masked = 1;
        }),
      ];
    case 'unmask':
      return [
        stage(name, cost, shared, (_m, cpu) => {
          unmask(cpu, n % 2 === 0 ? 2 : 0);
        }),
      ];
    case 'fault':
      return [
        stage(name, cost, shared, (m, cpu) => {
          if (!place.restartable || cpu.faults === 0) return;
          cpu.faults--;
          restartInstruction(m.threads[cpu.thread] as Thread);
          call(m, cpu, afterFault);
        }),
      ];
    case 'call':
    case 'repeat': {
      const kind = place.closed && element.kind === 'program' ? 'microcode' : element.kind;
      const callee = build(kind, element.body, place, element.op === 'repeat' ? 2 : 1);
      return [
        glue(name, (m, cpu, f) => {
          call(m, cpu, callee).x = f.x;
        }),
      ];
    }
    default:
      return sharedStages(element, i);
  }
}

/** Those that touch what all processors share. */
function sharedStages(element: Extract<Element, { on: number }>, i: number): Stages {
  const { n, on } = element;
  const name = `${element.op}-${i}`;
  const cost = stepKeys[n % stepKeys.length] as string;
  const timer = on % timers;
  const line = { line: () => on };
  switch (element.op) {
    case 'add':
      return [
        stage(
          name,
          cost,
          shared,
          (m, cpu, f) => {
            f.x = mix(m.cells[on] as number, cpu.own + n);
            m.cells[on] = f.x;
            notify(m, on);
          },
          line,
        ),
      ];
    case 'read':
      return [
        stage(
          name,
          cost,
          shared,
          (m, cpu) => {
            cpu.own = mix(cpu.own, m.cells[on] as number);
          },
          line,
        ),
      ];
    case 'wait':
      return [
        until(name, cost, (m) => ((m.cells[on] as number) + n) % 3 !== 0, {
          channel: () => on,
          interruptible: n % 2 === 0,
          ...line,
        }),
      ];
    case 'send':
      return [
        stage(name, cost, shared, (m) => {
          send(m, on % m.processors.length, n, flight);
        }),
      ];
    case 'work':
      return [
        stage(
          name,
          cost,
          n % 2 === 0 ? local : shared,
          (_m, cpu) => {
            cpu.own = mix(cpu.own, n);
          },
          { work: () => 10 * on * n },
        ),
      ];
    case 'arm':
      return [
        stage(name, cost, shared, (m) => {
          arm(m, timer, 7 * n, timerChannel(timer));
        }),
      ];
    case 'cancel':
      return [
        stage(name, cost, shared, (m) => {
          cancel(m, timer);
          notify(m, timerChannel(timer));
        }),
      ];
    default:
      return [
        until(name, cost, (m) => expired(m, timer) || m.timers[timer]?.armed === 0, {
          channel: () => timerChannel(timer),
          interruptible: n % 2 === 0,
        }),
      ];
  }
}

function unmask(cpu: RandomProcessor, shadow: number): void {
  cpu.masked = 0;
  cpu.shadow = shadow;
  cpu.attention = cpu.pending.length > 0 && shadow === 0 ? 1 : 0;
}

const afterFault = microcode('random-after-fault', locals, [
  stage('note', stepKeys[0], local, (_m, cpu) => {
    cpu.own = mix(cpu.own, 1);
  }),
]);

const entry = microcode('random-entry', locals, [
  stage('save', stepKeys[0], local, () => undefined),
  stage('vector', stepKeys[1], local, (_m, cpu) => {
    cpu.own = mix(cpu.own, 2);
  }),
]);

const handler = program('random-handler', locals, [
  glue('enter', (m, cpu) => {
    call(m, cpu, entry);
  }),
  stage('body', stepKeys[1], local, (_m, cpu, f) => {
    cpu.own = mix(cpu.own, f.x);
  }),
  stage(
    'tell',
    stepKeys[2],
    shared,
    (m, _cpu, f) => {
      m.cells[0] = mix(m.cells[0] as number, f.x);
      notify(m, 0);
    },
    { line: () => 0 },
  ),
  stage('leave', stepKeys[0], shared, (_m, cpu) => {
    unmask(cpu, 0);
  }),
]);

function makePending(cpu: RandomProcessor, interrupt: number): void {
  cpu.pending.push(interrupt);
  cpu.pending.sort((a, b) => a - b);
  if (cpu.shadow === 0) cpu.attention = 1;
}

export const randomHooks: Hooks<RandomMachine, RandomProcessor> = {
  recognise: (m, cpu) => {
    if (cpu.masked === 1) return false;
    const interrupt = cpu.shadow === 0 ? cpu.pending.pop() : undefined;
    if (cpu.pending.length === 0 || interrupt === undefined) cpu.attention = 0;
    if (interrupt === undefined) return false;
    cpu.masked = 1;
    interruptWith(m.threads[cpu.thread] as Thread, handler).x = interrupt;
    return true;
  },
  arrive: (_m, cpu, message) => makePending(cpu, message),
  expire: (m, timer) => {
    const p = timer % m.processors.length;
    makePending(m.processors[p] as RandomProcessor, 100 + timer);
    return p;
  },
  shadowEnded: (_m, cpu) => {
    if (cpu.pending.length > 0) cpu.attention = 1;
  },
};

const word16 = integer(0, 0xffff);
export const randomSchemas = {
  machine: machineSchema(processorSchema({ own: word16, pending: list(integer(0, 200)), faults: integer(0, 9) }), {
    cells: list(word16, cells),
  }),
  observers: record({ digest: list(register, 'processors'), count: list(register, 'processors') }),
};

const distance = (a: number, b: number): number => (a === b ? 0 : a >> 1 === b >> 1 ? 1 : 3);
const open: Place = { closed: false, restartable: false };

/** A machine whose processors are about to run the programs of a plan, and everything that a timed run of it needs. */
export interface Built {
  machine(): RandomMachine;
  log(): Log;
  state(): RunState<RandomMachine, Log>;
  readonly timed: TimedOptions<RandomMachine, RandomProcessor, Log>;
}

/** What the stages of any random machine cost, as this plan says. */
export function costsOf(plan: Pick<Plan, 'steps' | 'flight' | 'line'>): CostTable {
  const costs: Record<string, Cost> = { lineTransfer: plan.line, [flight.key]: plan.flight };
  stepKeys.forEach((key, i) => {
    costs[key] = plan.steps[i] as number;
  });
  return resolveCosts(costs, [...stepKeys, flight.key]);
}

/** Builds the routines of a plan, once. */
export function buildPlan(plan: Plan): Built {
  const routines = plan.programs.map((elements) => build('program', elements, open));
  const machine = (): RandomMachine => {
    const created: RandomMachine = {
      processors: routines.map((_, id) => ({ ...createProcessor(id, id), own: id, pending: [], faults: 2 })),
      threads: routines.map(() => []),
      timers: Array.from({ length: timers }, createTimer),
      storeBuffers: 0,
      requests: emptyRequests(),
      cells: Array.from({ length: cells }, () => 0),
    };
    created.processors.forEach((cpu, p) => {
      call(created, cpu, routines[p] as Routine<Locals>);
    });
    return created;
  };
  const log = (): Log => ({ digest: routines.map(() => 0), count: routines.map(() => 0) });
  return {
    machine,
    log,
    state: () => createRunState(machine(), { channels: cells + timers, lines: cells, seed: plan.seed }, log()),
    timed: {
      hooks: randomHooks,
      costs: costsOf(plan),
      distance,
      jitter: plan.jitter,
      observe: (o, time, p, kind, a, b) => {
        for (const value of [time, kind, a, b]) o.digest[p] = mix(o.digest[p] as number, value);
        o.count[p] = (o.count[p] as number) + 1;
      },
    },
  };
}

/** As what a timed run takes of observations, but for their times. */
export function observeWithoutTime(log: Log, p: number, kind: number, a: number, b: number): void {
  for (const value of [kind, a, b]) log.digest[p] = mix(log.digest[p] as number, value);
  log.count[p] = (log.count[p] as number) + 1;
}

const small = fc.nat(5);
const plainElement = (clock: boolean): fc.Arbitrary<Element> =>
  fc.oneof(
    fc.record({
      op: fc.constantFrom(
        'own',
        'look',
        'observe',
        'skip',
        'mask',
        'unmask',
        'fault',
        ...(clock ? (['clock'] as const) : []),
      ),
      n: small,
    }),
    fc.record({
      op: fc.constantFrom('add', 'read', 'wait', 'send', 'work', 'arm', 'cancel', 'sleep'),
      on: fc.nat(cells - 1),
      n: small,
    }),
  );

/** Programs of `length` elements at most, calls nested twice at most. */
function elements(length: number, clock: boolean): fc.Arbitrary<Element[]> {
  const calling = (body: fc.Arbitrary<Element[]>): fc.Arbitrary<Element> =>
    fc.record({
      op: fc.constantFrom('call', 'repeat'),
      kind: fc.constantFrom('program', 'instruction', 'microcode'),
      n: small,
      body,
    });
  const leaf = plainElement(clock);
  const innermost = fc.array(leaf, { maxLength: length });
  const middle = fc.array(fc.oneof({ weight: 4, arbitrary: leaf }, { weight: 1, arbitrary: calling(innermost) }), {
    maxLength: length,
  });
  return fc.array(fc.oneof({ weight: 3, arbitrary: leaf }, { weight: 1, arbitrary: calling(middle) }), {
    maxLength: length,
  });
}

/** Random plans: how many processors at most, how long their programs, whether they may look at the clock. */
export function plans(processors: number, length: number, clock: boolean): fc.Arbitrary<Plan> {
  const cycles = fc.nat(20);
  const cost = fc.oneof(cycles, fc.tuple(cycles, cycles, cycles, cycles));
  return fc.record({
    programs: fc.array(elements(length, clock), { minLength: 1, maxLength: processors }),
    steps: fc.tuple(cycles, cycles, cycles),
    flight: cost,
    line: cost,
    jitter: fc.constantFrom(0, 0, 0.5, 1),
    seed: fc.nat(),
  });
}
