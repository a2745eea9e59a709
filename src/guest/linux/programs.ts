import { call } from '../../engine/frames.js';
import { randomU32, randomUnit } from '../../engine/random.js';
import { observe } from '../../engine/requests.js';
import { done, local, shared } from '../../engine/routine.js';
import { Record } from '../../hardware/records.js';
import { cpuNumber, cpuOf, guest, linuxGuest, thisCpu } from '../machine.js';
import { CalledFunction } from './called-functions.js';
import { callIndirectly, ktimeGet } from './clock.js';
import { nanosleep, receiveMessage, sendMessage } from './schedule.js';
import { LinuxVector, sendIpi } from './send-ipi.js';
import { smpCallFunctionMany, smpCallFunctionSingle } from './smp-call-function.js';
import { flushTlbMmRange } from './tlb.js';

const { program, stage, glue, until } = guest;

/** What every measuring loop counts; `think` is the time between two iterations, in cycles. */
const counted = () => ({ think: 0, iterations: 0, iteration: 0 });
type Counted = ReturnType<typeof counted>;

const begin = glue('begin', (m, _cpu, f: Counted) => {
  observe(m, Record.iteration, f.iteration, 1);
  observe(m, Record.callMade, f.iteration);
});

/** The end of an iteration, and the time to the next. */
const end = [
  stage(
    'loop',
    'guestLoop',
    local,
    (m, _cpu, f: Counted) => {
      observe(m, Record.iteration, f.iteration, 0);
      f.iteration++;
      if (f.iteration === f.iterations) return done;
      return f.think === 0 ? 'begin' : undefined;
    },
    { to: ['begin'] },
  ),
  stage('think', 'guestLoop', shared, () => 'begin' as const, {
    to: ['begin'],
    work: (_m, _cpu, f: Counted) => f.think,
  }),
];

/** Calls a function on the targets of its CPU, again and again. The workload `smp-call-function`. */
export const callFunctionLoop = program<Counted & { wait: number }>(
  'call_function_loop',
  () => ({ ...counted(), wait: 1 }),
  [
    begin,
    glue('smp_call_function', (m, cpu, f) => {
      const { targets } = thisCpu(m, cpu);
      if (targets.length === 1) {
        const single = call(m, cpu, smpCallFunctionSingle);
        single.target = targets[0] as number;
        single.wait = f.wait;
        single.info = f.iteration;
      } else {
        const many = call(m, cpu, smpCallFunctionMany);
        many.wait = f.wait;
        many.info = f.iteration;
      }
    }),
    ...end,
  ],
);

/** The rows of the LKML IPI benchmark. */
export const IpiBenchRow = { 'dry-run': 0, self: 1, normal: 2, broadcast: 3, 'broadcast-lock': 4 } as const;

/** The LKML IPI benchmark (Yury Norov, 2017-12-19): `bench_ipi` around `send_ipi`. */
export const ipiBenchLoop = program('bench_ipi', () => ({ ...counted(), row: 0 }), [
  glue('begin', (m, cpu, f) => {
    observe(m, Record.iteration, f.iteration, 1);
    if (linuxGuest(m, cpu).jumpTables === 1) callIndirectly(m, cpu);
  }),
  stage(
    'get_cpu',
    'guestBenchLoop',
    local,
    (m, _cpu, f) => {
      if (f.row === IpiBenchRow['dry-run']) return 'put_cpu';
      if (f.row < IpiBenchRow.broadcast) return undefined;
      observe(m, Record.callMade, f.iteration);
      return 'smp_call_function_many';
    },
    { to: ['put_cpu', 'smp_call_function_many'] },
  ),
  glue('ktime_get', (m, cpu) => {
    call(m, cpu, ktimeGet);
  }),
  glue('time', (m, _cpu, f) => {
    observe(m, Record.callMade, f.iteration);
  }),
  stage('store-time', 'guestStores', shared, () => {}, { line: (m, cpu) => thisCpu(m, cpu).infoLine }),
  glue('smp_call_function_single', (m, cpu, f) => {
    const single = call(m, cpu, smpCallFunctionSingle);
    single.target = f.row === IpiBenchRow.self ? cpuNumber(m, cpu) : (thisCpu(m, cpu).targets[0] as number);
    single.func = CalledFunction.handleIpi;
    single.info = f.iteration;
  }),
  stage('read-time', 'guestLoads', shared, () => 'put_cpu', {
    line: (m, cpu) => thisCpu(m, cpu).infoLine,
    to: ['put_cpu'],
  }),
  glue('smp_call_function_many', (m, cpu, f) => {
    const many = call(m, cpu, smpCallFunctionMany);
    many.func = f.row === IpiBenchRow.broadcast ? CalledFunction.empty : CalledFunction.handleIpiSpinlock;
    many.info = f.iteration;
  }),
  stage(
    'put_cpu',
    'guestBenchLoop',
    local,
    (m, _cpu, f) => {
      observe(m, Record.iteration, f.iteration, 0);
      f.iteration++;
      return f.iteration === f.iterations ? done : 'begin';
    },
    { to: ['begin'] },
  ),
]);

/** Sends an IPI to each of its targets and waits for their answers. The workload `ipi-ping-pong`. */
export const pingLoop = program('ping_loop', () => ({ ...counted(), next: 0, target: 0 }), [
  begin,
  glue('first', (m, cpu, f) => {
    f.next = 0;
    f.target = thisCpu(m, cpu).targets[0] as number;
  }),
  stage(
    'request',
    'guestStores',
    shared,
    (m, cpu, f) => {
      linuxGuest(m, cpu).round = f.iteration;
      cpuOf(m, cpu, f.target).request = cpuNumber(m, cpu);
    },
    { line: (m, cpu, f) => cpuOf(m, cpu, f.target).inboxLine },
  ),
  glue('send_IPI', (m, cpu, f) => sendIpi(m, cpu, f.target, LinuxVector.ping)),
  glue(
    'next',
    (m, cpu, f) => {
      f.next++;
      const { targets } = thisCpu(m, cpu);
      if (f.next === targets.length) return undefined;
      f.target = targets[f.next] as number;
      return 'request';
    },
    { to: ['request'] },
  ),
  until(
    'answers',
    'guestSpinExit',
    (m, cpu) => {
      const { inbox, targets } = thisCpu(m, cpu);
      return inbox === targets.length;
    },
    { channel: (m, cpu) => thisCpu(m, cpu).csdChannel, line: (m, cpu) => thisCpu(m, cpu).inboxLine },
  ),
  stage(
    'clear',
    'guestStores',
    shared,
    (m, cpu) => {
      thisCpu(m, cpu).inbox = 0;
    },
    { line: (m, cpu) => thisCpu(m, cpu).inboxLine },
  ),
  ...end,
]);

/** Sends a request and sleeps until the answer has come. The client of the workload `request-response`. */
export const clientLoop = program('client_loop', counted, [
  begin,
  glue('send', (m, cpu, f) => {
    linuxGuest(m, cpu).round = f.iteration;
    call(m, cpu, sendMessage).target = thisCpu(m, cpu).targets[0] as number;
  }),
  glue('receive', (m, cpu) => {
    call(m, cpu, receiveMessage);
  }),
  ...end,
]);

/** Sleeps until a request has come, works, and answers, without end. The server of the workload `request-response`. */
export const serverLoop = program('server_loop', () => ({ service: 0 }), [
  glue('receive', (m, cpu) => {
    call(m, cpu, receiveMessage);
  }),
  stage(
    'service',
    'guestLoop',
    shared,
    (m, cpu) => {
      observe(m, Record.callArrived, cpu.vcpu, linuxGuest(m, cpu).round);
    },
    { work: (_m, _cpu, f) => f.service },
  ),
  glue('send', (m, cpu) => {
    call(m, cpu, sendMessage).target = thisCpu(m, cpu).targets[0] as number;
  }),
  glue('again', () => 'receive', { to: ['receive'] }),
]);

/** Unmaps memory that the targets may have in their TLBs. The workload `tlb-shootdown`. */
export const shootdownLoop = program('shootdown_loop', counted, [
  begin,
  glue('flush', (m, cpu, f) => {
    call(m, cpu, flushTlbMmRange).info = f.iteration;
  }),
  ...end,
]);

/** An iteration that nobody measures. */
const notMeasured = 2 ** 31 - 1;

/**
 * Works for a random time, has another CPU run a function, and sleeps for a random time; on every CPU of the workload `mix`. `sleep` and `work`
 * are means, in cycles; the times are uniform between nothing and twice that. The CPU that measures counts its calls; the others go on for ever.
 */
export const mixLoop = program(
  'mix_loop',
  () => ({ think: 0, iterations: 0, iteration: 0, work: 0, sleep: 0, measures: 0, cycles: 0, pause: 0, target: 0 }),
  [
    stage('choose', 'guestCall', local, (m, cpu, f) => {
      const self = thisCpu(m, cpu);
      f.cycles = Math.round(2 * f.work * randomUnit(self.random));
      f.pause = Math.round(2 * f.sleep * randomUnit(self.random));
      f.target = self.targets[randomU32(self.random) % self.targets.length] as number;
    }),
    stage('work', 'guestLoop', shared, () => {}, { work: (_m, _cpu, f) => f.cycles }),
    glue('begin', (m, _cpu, f) => {
      if (f.measures === 0) return;
      observe(m, Record.iteration, f.iteration, 1);
      observe(m, Record.callMade, f.iteration);
    }),
    glue('smp_call_function_single', (m, cpu, f) => {
      const single = call(m, cpu, smpCallFunctionSingle);
      single.target = f.target;
      single.info = f.measures === 1 ? f.iteration : notMeasured;
    }),
    stage(
      'loop',
      'guestLoop',
      local,
      (m, _cpu, f) => {
        if (f.measures === 1) {
          observe(m, Record.iteration, f.iteration, 0);
          f.iteration++;
          if (f.iteration === f.iterations) return done;
        }
        return f.pause === 0 ? 'choose' : undefined;
      },
      { to: ['choose'] },
    ),
    glue('sleep', (m, cpu, f) => {
      call(m, cpu, nanosleep).cycles = f.pause;
    }),
    glue('again', () => 'choose', { to: ['choose'] }),
  ],
);
