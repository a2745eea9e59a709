import { spansByProcessor, stackOf, stageOnly, type Trace } from './trace.js';

/** Options of {@link foldedStacks}. */
export interface FoldedOptions {
  /** Whether time spent waiting (spinning, pausing) is counted, at the stage that waits: true by default. */
  readonly waits?: boolean;
}

/**
 * A trace as folded stacks, the input of flamegraph.pl, speedscope and their like: a line for every stack that took time,
 * `vcpu0;routine;routine;stage cycles`, sorted. What runs without a virtual CPU starts with `cpu0`; with several VMs, a virtual CPU is
 * named `vm1.vcpu0`. The cycles of a virtual CPU add up to the time in which it did or awaited something.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createTrace, foldedStacks } from 'vmx-apic/observe';
 *
 * const trace = createTrace(2, [{ vm: 0, number: 0 }]);
 * trace.activations.push({ routine: 'vcpu_run', kind: 'program', caller: -1 }, { routine: 'vmx_vcpu_run', kind: 'program', caller: 0 });
 * const stage = { processor: 0, vcpu: 0, guest: false, finished: true };
 * trace.stages.push({ ...stage, stage: 'vcpu_run.loop', activation: 0, start: 0, end: 84 });
 * trace.stages.push({ ...stage, stage: 'vmx_vcpu_run.prepare', activation: 1, start: 84, end: 224 });
 *
 * assert.equal(foldedStacks(trace), 'vcpu0;vcpu_run;loop 84\nvcpu0;vcpu_run;vmx_vcpu_run;prepare 140\n');
 * ```
 */
export function foldedStacks(trace: Trace, options: FoldedOptions = {}): string {
  const { waits = true } = options;
  const cycles = new Map<string, number>();
  const stacks: string[] = [];
  const prefix = (activation: number): string => {
    stacks[activation] ??= stackOf(trace, activation).map(frameName).join(';');
    return stacks[activation] as string;
  };
  for (const spans of spansByProcessor(waits ? trace : { ...trace, waits: [] }).values()) {
    for (const span of spans) {
      if (span.end === span.start) continue;
      const owner = span.vcpu < 0 ? `cpu${span.processor}` : vcpuName(trace, span.vcpu);
      const stack = `${owner};${prefix(span.activation)};${frameName(stageOnly(span.stage))}`;
      cycles.set(stack, (cycles.get(stack) ?? 0) + span.end - span.start);
    }
  }
  return [...cycles]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([stack, sum]) => `${stack} ${sum}\n`)
    .join('');
}

/** Semicolons separate frames. */
function frameName(name: string): string {
  return name.replaceAll(';', ',');
}

function vcpuName(trace: Trace, vcpu: number): string {
  const { vm = 0, number = vcpu } = trace.vcpus[vcpu] ?? {};
  return trace.vcpus.some((other) => other.vm !== 0) ? `vm${vm}.vcpu${number}` : `vcpu${number}`;
}
