/** What is used of the package, which brings no types along. */
declare module 'ml-levenberg-marquardt' {
  export function levenbergMarquardt(
    data: { readonly x: readonly number[]; readonly y: readonly number[] },
    parameterized: (parameters: readonly number[]) => (x: number) => number,
    options: {
      readonly initialValues: number[];
      readonly minValues: readonly number[];
      readonly maxValues: readonly number[];
      /** One over the standard deviation of each point. */
      readonly weights: readonly number[];
      readonly damping: number;
      readonly gradientDifference: number;
      readonly maxIterations: number;
      readonly errorTolerance: number;
    },
  ): { readonly parameterValues: number[]; readonly parameterError: number; readonly iterations: number };
}
