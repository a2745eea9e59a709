import { call } from '../../engine/frames.js';
import { done, shared } from '../../engine/routine.js';
import { cpuOf, guest, linuxGuest, thisCpu } from '../machine.js';
import { ipiMaskOf, kvmFlushTlbMulti } from '../paravirt.js';
import { CalledFunction } from './called-functions.js';
import { smpCallFunctionMany } from './smp-call-function.js';

const { program, stage, glue } = guest;

/**
 * Unmaps something that other CPUs may have in their TLBs: a new generation, the own TLB, then all CPUs on which the program has run
 * (`targets`), and waits for them. A CPU whose TLB is lazy (its idle task has kept the mm) is left out by newer kernels unless page tables are
 * freed. Linux `flush_tlb_mm_range`, `flush_tlb_others`.
 */
export const flushTlbMmRange = program('flush_tlb_mm_range', () => ({ info: 0, next: 0, target: 0 }), [
  stage(
    'inc_mm_tlb_gen',
    'guestAtomic',
    shared,
    (m, cpu) => {
      linuxGuest(m, cpu).tlbGeneration++;
    },
    { line: (m, cpu) => linuxGuest(m, cpu).mmLine },
  ),
  stage('get_flush_tlb_info', 'guestStores', shared, () => {}, { line: (m, cpu) => thisCpu(m, cpu).infoLine }),
  stage(
    'flush_tlb_func-local',
    'guestTlbFlush',
    shared,
    (m, cpu, f) => {
      const self = thisCpu(m, cpu);
      const { tlbGeneration, lazyTlbSkipped, freedTables } = linuxGuest(m, cpu);
      self.tlbGeneration = tlbGeneration;
      if (lazyTlbSkipped === 0 || freedTables === 1) {
        self.mask = [...self.targets];
        return 'on_each_cpu_mask';
      }
      self.mask = [];
      f.target = self.targets[0] ?? 0;
      return self.targets.length === 0 ? done : undefined;
    },
    { line: (m, cpu) => thisCpu(m, cpu).tlbLine, to: ['on_each_cpu_mask'] },
  ),
  stage(
    'tlb_is_not_lazy',
    'guestLoads',
    shared,
    (m, cpu, f) => {
      const self = thisCpu(m, cpu);
      if (cpuOf(m, cpu, f.target).lazyTlb === 0) self.mask.push(f.target);
      f.next++;
      if (f.next === self.targets.length) return undefined;
      f.target = self.targets[f.next] as number;
      return 'tlb_is_not_lazy';
    },
    { line: (m, cpu, f) => cpuOf(m, cpu, f.target).tlbLine, to: ['tlb_is_not_lazy'] },
  ),
  glue('on_each_cpu_mask', (m, cpu) => {
    if (linuxGuest(m, cpu).pvTlbFlush === 0) return;
    const mask = ipiMaskOf(m, cpu);
    mask.length = 0;
    mask.push(...thisCpu(m, cpu).mask);
    call(m, cpu, kvmFlushTlbMulti);
  }),
  glue('flush_tlb_multi', (m, cpu, f) => {
    // Those that do not run will flush before they do.
    if (linuxGuest(m, cpu).pvTlbFlush === 1) thisCpu(m, cpu).mask = [...ipiMaskOf(m, cpu)];
    const many = call(m, cpu, smpCallFunctionMany);
    many.func = CalledFunction.flushTlb;
    many.info = f.info;
  }),
]);
