// Sizes from a tier of pixels and a ratio of sides, within what the model can draw. It does NOT know
// which of them somebody chose.

import type { Capabilities } from '../api/types';

export interface Size {
  width: number;
  height: number;
}

export const RATIOS = ['1:1', '5:4', '4:3', '3:2', '16:9', '21:9', '4:5', '3:4', '2:3', '9:16', '9:21'] as const;
export type Ratio = (typeof RATIOS)[number];

/** The nine that are offered: five wide or square ones, and four that stand. */
export const OFFERED: readonly Ratio[] = ['1:1', '4:3', '3:2', '16:9', '21:9', '3:4', '2:3', '9:16', '9:21'];

/** What a model allows; a part of its capabilities. */
export type Bounds = Pick<Capabilities, 'size_multiple' | 'min_side' | 'max_width' | 'max_height' | 'max_pixels'>;

/** The two numbers of a ratio. */
export function sides(ratio: Ratio): [number, number] {
  const [across = '1', down = '1'] = ratio.split(':');
  return [Number(across), Number(down)];
}

/** The size of about `pixels` pixels and of the given ratio. */
export function sizeOf(pixels: number, ratio: Ratio, bounds: Bounds): Size {
  const [across, down] = sides(ratio);
  return sizeOfShape(pixels, across / down, bounds);
}

/**
 * The size of about `pixels` pixels whose width is `shape` times its height: multiples of `size_multiple`, never more than
 * allowed. Of the neighbouring multiples those are taken whose shape is nearest.
 */
export function sizeOfShape(pixels: number, shape: number, bounds: Bounds): Size {
  const area = Math.min(pixels, bounds.max_pixels);
  // A long side that is too long shortens the other one too: the ratio is what was asked for.
  const scale = Math.min(1, bounds.max_width / Math.sqrt(area * shape), bounds.max_height / Math.sqrt(area / shape));
  const ideal = { width: Math.sqrt(area * shape) * scale, height: Math.sqrt(area / shape) * scale };
  const widths = neighbours(ideal.width, bounds.min_side, bounds.max_width, bounds.size_multiple);
  const heights = neighbours(ideal.height, bounds.min_side, bounds.max_height, bounds.size_multiple);
  let best: Size = { width: widths[0] ?? bounds.min_side, height: heights[0] ?? bounds.min_side };
  let least = Number.POSITIVE_INFINITY;
  for (const width of widths) {
    for (const height of heights) {
      if (width * height > bounds.max_pixels) continue;
      const cost =
        Math.abs(Math.log(width / height / shape)) * 2 + Math.abs(Math.log((width * height) / (ideal.width * ideal.height)));
      if (cost < least) [least, best] = [cost, { width, height }];
    }
  }
  return best;
}

/** The ratio whose name fits a size best; null where none is within a twentieth. */
export function ratioOf({ width, height }: Size): Ratio | null {
  const shape = Math.log(width / height);
  const far = (ratio: Ratio) => {
    const [across, down] = sides(ratio);
    return Math.abs(shape - Math.log(across / down));
  };
  const nearest = [...OFFERED].sort((a, b) => far(a) - far(b))[0];
  return nearest && far(nearest) < 0.05 ? nearest : null;
}

/** The ratio with its sides exchanged. */
export function turned(ratio: Ratio): Ratio {
  const [across, down] = sides(ratio);
  return RATIOS.find((other) => other === `${down}:${across}`) ?? ratio;
}

/** What is wrong with one side that was typed; null where nothing is. */
export function wrongSide(side: number, most: number, bounds: Bounds): { lower: number; upper: number } | null {
  const { size_multiple: multiple, min_side: least } = bounds;
  if (Number.isInteger(side) && side >= least && side <= most && side % multiple === 0) return null;
  const clamp = (value: number) => Math.min(most, Math.max(least, value));
  const down = Math.floor((Number.isFinite(side) ? side : least) / multiple) * multiple;
  return { lower: clamp(down), upper: clamp(down + multiple) };
}

function neighbours(ideal: number, least: number, most: number, multiple: number): number[] {
  const down = Math.floor(ideal / multiple) * multiple;
  const fits = [down, down + multiple].filter((side) => side >= least && side <= most);
  if (fits.length > 0) return fits;
  return [Math.max(Math.ceil(least / multiple), Math.floor(Math.min(ideal, most) / multiple)) * multiple];
}
