import { recordKindOf } from '../../../src/engine/records.js';
import { createRecorder } from '../../../src/observe/recorder.js';
import { createRun, type SystemRun, timedOptions } from '../../../src/scenarios/run.js';
import type { MachineInput } from '../../../src/scenarios/schema.js';
import { parseMachine } from '../../../src/scenarios/schema.js';

/** What a virtual CPU's guest did: `0 smp_call_function_single.llist_add`, with ` *` if a cache line came from another processor. */
export type Step = string;

/** Routines of hardware and hypervisor, which these lists leave out. */
const below =
  /^(wrmsr|hlt|x2apic_icr_write|xapic_icr_write|apic-page|rdtsc|virtual-interrupt|posted-interrupt|ipi-virt|vm-)/;

/**
 * What the guests of a machine do in one iteration of its workload, after a few others and without jitter: every stage of theirs
 * in the order in which they end.
 */
export function oneIteration(input: MachineInput): Step[] {
  const config = parseMachine(input);
  const warmup = 4;
  const workload = { ...config.workload, warmup, iterations: 3 } as typeof config.workload;
  const scenario = { ...config, workload };
  const steps: Step[] = [];
  const { costs } = timedOptions(scenario);
  const iteration = recordKindOf('iteration').number;
  const count = createRecorder();
  let inside = false;
  let over = false;
  const run: SystemRun = createRun(scenario, 1, {
    observe: (counters, time, processor, kind, a, b) => {
      count(counters, time, processor, kind, a, b);
      if (kind !== iteration || a !== warmup) return;
      inside = b === 1;
      over = b === 0;
    },
    onStage: (processor, stage, start, end) => {
      const cpu = run.state.machine.processors[processor];
      if (over) run.stop();
      if (!inside || cpu === undefined || cpu.nonRoot === 0 || below.test(stage.routine.name)) return;
      const transferred = stage.line !== undefined && end - start > (costs.stage[stage.cost] as number);
      steps.push(`${cpu.vcpu} ${stage.routine.name}.${stage.name}${transferred ? ' *' : ''}`);
    },
  });
  run.run();
  return steps;
}

/** The steps of one virtual CPU, without its number. */
export function of(steps: readonly Step[], vcpu: number): string[] {
  return steps.filter((step) => step.startsWith(`${vcpu} `)).map((step) => step.slice(`${vcpu} `.length));
}
