import { type Calibration, calibrateProblem } from '../../cost/calibration/calibrate.js';
import { type Parameter, parametersOf } from '../../cost/calibration/parameters.js';
import { processors } from '../../cost/profiles.js';
import { type Figure, type FigureInput, parseFigures } from './figure.js';
import { publishedFigures } from './published-figures.js';
import { checkFigure, createSimulator, profileNameOf } from './simulate.js';

/** Options of {@link calibrate}. */
export interface CalibrateOptions {
  /** Only these parameters are fitted, by name; all others keep their estimates. All that there are by default. */
  readonly parameters?: readonly string[] | undefined;
  /** Called after each set of runs. */
  readonly onProgress?: ((runs: number) => void) | undefined;
}

/**
 * Fits the numbers of the library's profiles to published figures: those that say `fitted`. A figure's profile must be one of the library's, by its name.
 *
 * @param figures - a figures file; the library's own by default
 * @returns the numbers, how far each is determined, and the error of each figure if it had not been fitted to
 * @throws InputError that says what is wrong in which figure, before anything runs
 */
export function calibrate(
  figures: { readonly figures: readonly FigureInput[] } = publishedFigures,
  { parameters: names, onProgress }: CalibrateOptions = {},
): Calibration {
  const parsed = parseFigures(figures);
  parsed.forEach(checkFigure);
  const fitted = parsed.filter((figure) => figure.fitted);
  const all = parametersOf(processors);
  const parameters: readonly Parameter[] = names === undefined ? all : all.filter(({ name }) => names.includes(name));
  let runs = 0;
  return calibrateProblem({
    parameters,
    targets: fitted.map((figure) => ({
      id: figure.id,
      family: figure.family ?? figure.id,
      processor: profileNameOf(figure),
      published: figure.published,
      tolerancePct: figure.tolerancePct ?? 2.5,
    })),
    simulate(numbers, which) {
      const simulate = createSimulator({ numbers, iterations: 100 });
      const values = which.map((index) => simulate(fitted[index] as Figure).simulated);
      runs += which.length;
      onProgress?.(runs);
      return values;
    },
  });
}
