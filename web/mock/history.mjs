// The pictures that a mock with a past has drawn, oldest first.

export const HISTORY = [
  { prompt: 'a rocket on a sky blue background', seed: 1905, width: 256, height: 256 },
  { prompt: 'a mushroom on a grey background', seed: 12, width: 384, height: 256 },
  { prompt: '月饼，红色背景', seed: 815, width: 256, height: 256 },
  { prompt: 'a teapot on an orange background', seed: 404, width: 256, height: 320 },
  { prompt: 'a panda on a green background', seed: 88, width: 256, height: 256 },
  { prompt: 'a sailboat on a blue background', seed: 3001, width: 448, height: 256 },
  { prompt: '红苹果，绿色背景', seed: 21, width: 256, height: 256 },
  { prompt: 'a tiger face on a black background', seed: 64, width: 256, height: 256 },
  { prompt: '樱花，白色背景', seed: 315, width: 256, height: 256 },
  { prompt: 'a fox on a sky blue background', seed: 7, width: 256, height: 256 },
  { prompt: 'a cat face on a pink background', seed: 9, width: 256, height: 256 },
  { prompt: 'a penguin on a sky blue background', seed: 2, width: 256, height: 256 },
  { prompt: 'an owl on a black background', seed: 77, width: 256, height: 256 },
  { prompt: 'a red apple on a blue background', seed: 7, width: 256, height: 256 },
];
