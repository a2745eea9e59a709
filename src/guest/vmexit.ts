import { call } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { done, local } from '../engine/routine.js';
import { Record } from '../hardware/records.js';
import { guest } from './machine.js';
import { onCpu } from './smp.js';

const { program, stage, glue } = guest;

/**
 * The measuring loop of kvm-unit-tests `x86/vmexit.c` (`do_test`) around its test `ipi`: a function call on the target, again and
 * again. One iteration is one record of kind {@link Record.iteration}.
 */
export const vmexitIpi = program('ipi_test', () => ({ target: 0, iterations: 0, iteration: 0 }), [
  glue('begin', (m, _cpu, f) => {
    observe(m, Record.iteration, f.iteration, 1);
  }),
  glue('on_cpu', (m, cpu, f) => {
    call(m, cpu, onCpu).target = f.target;
  }),
  stage(
    'loop',
    'guestLoop',
    local,
    (m, _cpu, f) => {
      observe(m, Record.iteration, f.iteration, 0);
      f.iteration++;
      return f.iteration < f.iterations ? 'begin' : done;
    },
    { to: ['begin'] },
  ),
]);
