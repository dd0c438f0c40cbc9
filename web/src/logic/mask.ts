// What a mask is made of: paint on glass, turned into white on black and back. It does NOT know who
// holds the brush.

const STRIPE = 8;

/** The paint: red and white stripes, which show on a picture of any colour. */
export function paint(brush: CanvasRenderingContext2D): CanvasPattern | string {
  const tile = Object.assign(document.createElement('canvas'), { width: 2 * STRIPE, height: 2 * STRIPE });
  const on = tile.getContext('2d');
  if (!on) return '#b52a1c';
  on.fillStyle = '#fff';
  on.fillRect(0, 0, 2 * STRIPE, 2 * STRIPE);
  on.strokeStyle = '#b52a1c';
  on.lineWidth = STRIPE;
  for (const shift of [-2, 0, 2]) {
    on.moveTo((shift - 1) * STRIPE, -STRIPE);
    on.lineTo((shift + 3) * STRIPE, 3 * STRIPE);
  }
  on.stroke();
  return brush.createPattern(tile, 'repeat') ?? '#b52a1c';
}

/** White where `glass` is painted, black where it is not, as the data URL of a PNG; null where nothing is painted. */
export function maskOf(glass: HTMLCanvasElement): string | null {
  const { width, height } = glass;
  const painted = glass.getContext('2d')?.getImageData(0, 0, width, height).data;
  if (!painted?.some((value, at) => at % 4 === 3 && value > 127)) return null;
  const mask = Object.assign(document.createElement('canvas'), { width, height });
  const brush = mask.getContext('2d');
  if (!brush) return null;
  brush.drawImage(glass, 0, 0);
  brush.globalCompositeOperation = 'source-in';
  brush.fillStyle = '#fff';
  brush.fillRect(0, 0, width, height);
  brush.globalCompositeOperation = 'destination-over';
  brush.fillStyle = '#000';
  brush.fillRect(0, 0, width, height);
  return mask.toDataURL('image/png');
}

/** Paints `glass` wherever the picture at `url` is light; `false` where it is no picture. */
export async function paintMask(glass: HTMLCanvasElement, url: string): Promise<boolean> {
  const mask = new Image();
  mask.src = url;
  const read = await mask.decode().then(
    () => true,
    () => false,
  );
  const brush = glass.getContext('2d');
  if (!read || !brush) return false;
  brush.clearRect(0, 0, glass.width, glass.height);
  brush.drawImage(mask, 0, 0, glass.width, glass.height);
  const pixels = brush.getImageData(0, 0, glass.width, glass.height);
  const { data } = pixels;
  for (let at = 0; at < data.length; at += 4) data[at + 3] = ((data[at] ?? 0) > 127 ? 255 : 0) & (data[at + 3] ?? 0);
  brush.putImageData(pixels, 0, 0);
  brush.globalCompositeOperation = 'source-in';
  brush.fillStyle = paint(brush);
  brush.fillRect(0, 0, glass.width, glass.height);
  brush.globalCompositeOperation = 'source-over';
  return true;
}
