// Attention for bf16 heads 512 wide on mma.sync (sm_80 and newer): the autoencoder's. As attention.cu, but
// a block's eight warps share 64 queries, two rows of warps by four; scores are divided by keys, results
// by columns, and keys and values stream through shared memory 64 columns at a time.
//
// qkv bf16 [tokens, (queries + 2 keys) * 512], out bf16 [tokens, queries * 512].
// Launch `attention_<full|causal>_512_<stages>`: grid = (sum over segments of length / 64 rounded up,
// queries), 256 threads, dynamic shared memory (9 + stages) * 8192 + 1024 bytes. Stages say how many
// pieces are in shared memory at once: 2 fit where a block may have 99 KB, 8 where it may have 163 KB.
// All give the same bits.
#include "attention_mma.cuh"
#include "attention_tiles.cuh"

constexpr int DIM = 512, PIECE = 64, PIECES = DIM / PIECE, KEYS_AT_ONCE = 64, HEIGHT = 64, THREADS = 256;
using Rows = Tile<PIECE>;
constexpr int PIECE_BYTES = 64 * Rows::ROW_BYTES;

template <int STAGES, bool CAUSAL>
__device__ __forceinline__ void attention_wide(const bf16* qkv, bf16* out, const AttentionShape& shape) {
    extern __shared__ __align__(1024) unsigned char memory[];
    unsigned q_tile = shared_address(memory);
    unsigned ring = q_tile + PIECES * PIECE_BYTES;
    unsigned char* weights = memory + (PIECES + STAGES) * PIECE_BYTES;
    unsigned weights_tile = shared_address(weights);
    // [4 warps that share queries][64 queries].
    float* exchange = reinterpret_cast<float*>(weights + PIECE_BYTES);

    int index = CAUSAL ? gridDim.x - 1 - blockIdx.x : blockIdx.x;
    QueryTile tile = query_tile(shape, index, HEIGHT);
    if (!tile.exists()) return;
    int head = blockIdx.y, shared_head = head / (shape.queries / shape.keys);
    int stride = (shape.queries + 2 * shape.keys) * DIM;
    const bf16* rows = qkv + (long long)tile.segment_start * stride;
    const bf16* q = rows + head * DIM;
    const bf16* k = rows + (shape.queries + shared_head) * DIM;
    const bf16* v = rows + (shape.queries + shape.keys + shared_head) * DIM;
    int seen = CAUSAL ? min(tile.length, tile.first + HEIGHT) : tile.length;

    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int down = warp / 4, across = warp % 4;
    int own_row = 32 * down + lane / 4;  // in the tile
    unsigned q_from = Rows::rows_by_lane(q_tile + 32 * down * Rows::ROW_BYTES);
    unsigned k_from = Rows::columns_by_lane(ring + 16 * across * Rows::ROW_BYTES);
    unsigned v_from = Rows::rows_by_lane(ring) ^ (32 * across);
    unsigned weights_from = Rows::rows_by_lane(weights_tile + 32 * down * Rows::ROW_BYTES);
    float scale = shape.scale * LOG2_E;

    // Pieces come in the order of their use: for each 64 keys the pieces of the keys, then those of the
    // values. Piece p of the tile that begins at first_key, p may be up to 2 * PIECES further on.
    auto fetch = [&](int first_key, int piece) {
        if (piece >= 2 * PIECES) {
            piece -= 2 * PIECES;
            first_key += KEYS_AT_ONCE;
        }
        if (first_key < seen) {
            const bf16* source = (piece < PIECES ? k : v) + piece % PIECES * PIECE;
            Rows::template fill<KEYS_AT_ONCE, THREADS>(ring + piece % STAGES * PIECE_BYTES, source, stride,
                                                       first_key, tile.length);
        }
        copy_async_commit();
    };
    // Piece `piece` has arrived, and the place of the one before it is free for the one STAGES - 1 on.
    auto advance = [&](int first_key, int piece) {
        copy_async_wait<STAGES - 2>();
        __syncthreads();
        fetch(first_key, piece + STAGES - 1);
    };

#pragma unroll
    for (int p = 0; p < PIECES; p++) {
        Rows::template fill<HEIGHT, THREADS>(q_tile + p * PIECE_BYTES, q + p * PIECE, stride, tile.first, tile.length);
    }
    // The queries belong to the first group.
#pragma unroll
    for (int p = 0; p < STAGES - 1; p++) fetch(0, p);

    float sums[PIECES][2][2][4] = {};
    float largest[2][2], total[2][2];
#pragma unroll
    for (int b = 0; b < 2; b++) {
        largest[b][0] = largest[b][1] = negative_infinity();
        total[b][0] = total[b][1] = 0.0f;
    }

    for (int first_key = 0; first_key < seen; first_key += KEYS_AT_ONCE) {
        float scores[2][2][4] = {};
#pragma unroll
        for (int p = 0; p < PIECES; p++) {
            advance(first_key, p);
            unsigned place = p % STAGES * PIECE_BYTES;
#pragma unroll
            for (int step = 0; step < PIECE / 16; step++) {
                unsigned a[2][4], keys[4];
                load_blocks(keys, (k_from ^ (32 * step)) + place);
#pragma unroll
                for (int b = 0; b < 2; b++) {
                    load_blocks(a[b], (q_from ^ (32 * step)) + p * PIECE_BYTES + b * 16 * Rows::ROW_BYTES);
                    Bf16Operands::multiply(scores[b][0], a[b], keys[0], keys[1]);
                    Bf16Operands::multiply(scores[b][1], a[b], keys[2], keys[3]);
                }
            }
        }

        bool cut = first_key + KEYS_AT_ONCE > tile.length || (CAUSAL && first_key + KEYS_AT_ONCE > tile.first);
        if (cut) {
#pragma unroll
            for (int b = 0; b < 2; b++) {
#pragma unroll
                for (int n = 0; n < 2; n++) {
#pragma unroll
                    for (int i = 0; i < 4; i++) {
                        int key = first_key + 16 * across + 8 * n + 2 * (lane % 4) + i % 2;
                        int row = tile.first + own_row + 16 * b + i / 2 * 8;
                        bool visible = key < tile.length && (!CAUSAL || key <= row);
                        if (!visible) scores[b][n][i] = negative_infinity();
                    }
                }
            }
        }

#pragma unroll
        for (int b = 0; b < 2; b++) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                float peak = fmaxf(fmaxf(scores[b][0][2 * half], scores[b][0][2 * half + 1]),
                                   fmaxf(scores[b][1][2 * half], scores[b][1][2 * half + 1]));
                peak = max_of_quad(peak);
                if (lane % 4 == 0) exchange[across * HEIGHT + own_row + 16 * b + 8 * half] = peak;
            }
        }
        __syncthreads();
#pragma unroll
        for (int b = 0; b < 2; b++) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                int row = own_row + 16 * b + 8 * half;
                float peak = largest[b][half];
#pragma unroll
                for (int w = 0; w < 4; w++) peak = fmaxf(peak, exchange[w * HEIGHT + row]);
                float shrink = exp2_fast((largest[b][half] - peak) * scale);
                largest[b][half] = peak;
                float offset = peak * scale;
                total[b][half] *= shrink;
#pragma unroll
                for (int n = 0; n < 2; n++) {
                    float first = exp2_fast(scores[b][n][2 * half] * scale - offset);
                    float second = exp2_fast(scores[b][n][2 * half + 1] * scale - offset);
                    total[b][half] += first + second;
                    *reinterpret_cast<unsigned*>(weights + Rows::offset(row, 2 * across + n) + 4 * (lane % 4)) =
                        pack_bf16(first, second);
                }
                // Most of the time no maximum moves.
                if (__any_sync(~0u, shrink != 1.0f)) {
#pragma unroll
                    for (int p = 0; p < PIECES; p++) {
#pragma unroll
                        for (int n = 0; n < 2; n++) {
                            sums[p][b][n][2 * half] *= shrink;
                            sums[p][b][n][2 * half + 1] *= shrink;
                        }
                    }
                }
            }
        }
        __syncthreads();
        unsigned a[KEYS_AT_ONCE / 16][2][4];
#pragma unroll
        for (int step = 0; step < KEYS_AT_ONCE / 16; step++) {
#pragma unroll
            for (int b = 0; b < 2; b++) {
                load_blocks(a[step][b], (weights_from ^ (32 * step)) + b * 16 * Rows::ROW_BYTES);
            }
        }

#pragma unroll
        for (int p = 0; p < PIECES; p++) {
            advance(first_key, PIECES + p);
            unsigned place = (PIECES + p) % STAGES * PIECE_BYTES;
#pragma unroll
            for (int step = 0; step < KEYS_AT_ONCE / 16; step++) {
                unsigned values[4];
                load_blocks_transposed(values, v_from + place + step * 16 * Rows::ROW_BYTES);
#pragma unroll
                for (int b = 0; b < 2; b++) {
                    Bf16Operands::multiply(sums[p][b][0], a[step][b], values[0], values[1]);
                    Bf16Operands::multiply(sums[p][b][1], a[step][b], values[2], values[3]);
                }
            }
        }
    }

    // All have read the last maxima long ago: a value's piece was waited for since.
#pragma unroll
    for (int b = 0; b < 2; b++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float sum = sum_of_quad(total[b][half]);
            if (lane % 4 == 0) exchange[across * HEIGHT + own_row + 16 * b + 8 * half] = sum;
        }
    }
    __syncthreads();
    long long out_stride = (long long)shape.queries * DIM;
#pragma unroll
    for (int b = 0; b < 2; b++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int row = own_row + 16 * b + 8 * half;
            if (tile.first + row >= tile.length) continue;
            float sum = 0.0f;
#pragma unroll
            for (int w = 0; w < 4; w++) sum += exchange[w * HEIGHT + row];
            float inverse = 1.0f / sum;
            bf16* to = out + (tile.segment_start + tile.first + row) * out_stride + head * DIM;
#pragma unroll
            for (int p = 0; p < PIECES; p++) {
#pragma unroll
                for (int n = 0; n < 2; n++) {
                    int column = p * PIECE + 16 * across + 8 * n + 2 * (lane % 4);
                    *reinterpret_cast<unsigned*>(to + column) =
                        pack_bf16(sums[p][b][n][2 * half] * inverse, sums[p][b][n][2 * half + 1] * inverse);
                }
            }
        }
    }
}

#define ATTENTION_WIDE(NAME, STAGES, CAUSAL)                                                              \
    extern "C" __global__ void __launch_bounds__(THREADS, 1)                                              \
        NAME(const bf16* qkv, bf16* out, AttentionShape shape) {                                          \
        attention_wide<STAGES, CAUSAL>(qkv, out, shape);                                                  \
    }
ATTENTION_WIDE(attention_full_512_2, 2, false)
ATTENTION_WIDE(attention_full_512_8, 8, false)
ATTENTION_WIDE(attention_causal_512_2, 2, true)
ATTENTION_WIDE(attention_causal_512_8, 8, true)
