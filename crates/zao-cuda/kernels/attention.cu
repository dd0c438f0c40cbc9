// Attention over packed segments for bf16 heads 64 and 128 wide on mma.sync (sm_80 and newer): one pass
// over the keys with a running softmax, scores never in memory. Other widths are in attention_wide.cu
// and attention_any.cu; Hopper has a faster one.
//
// qkv bf16 [tokens, (queries + 2 keys) * dim], out bf16 [tokens, queries * dim].
// Launch `attention_<full|causal>_<dim>_<height>`: height 64 or 128 queries a block; grid = (sum over segments
// of length / height rounded up, queries), 128 threads, dynamic shared memory (height + 128) * dim * 2 bytes.
// Both heights give the same bits.
//
// The keys and values of other segments are neither read nor multiplied: NaN there stays there.
#include "attention_mma.cuh"
#include "attention_tiles.cuh"

constexpr int KEYS_AT_ONCE = 64, THREADS = 128, WARPS = 4;

// BLOCKS: 16-row blocks of queries a warp.
template <int DIM, int BLOCKS, bool CAUSAL>
__device__ __forceinline__ void attention(const bf16* qkv, bf16* out, const AttentionShape& shape) {
    using Rows = Tile<DIM>;
    constexpr int HEIGHT = 16 * BLOCKS * WARPS;
    extern __shared__ __align__(1024) unsigned char memory[];
    unsigned q_tile = shared_address(memory);
    unsigned k_tile = q_tile + HEIGHT * Rows::ROW_BYTES;
    unsigned v_tile = k_tile + KEYS_AT_ONCE * Rows::ROW_BYTES;

    // With a causal mask later tiles have more to do: they go first.
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

    Rows::template fill<HEIGHT, THREADS>(q_tile, q, stride, tile.first, tile.length);
    Rows::template fill<KEYS_AT_ONCE, THREADS>(k_tile, k, stride, 0, tile.length);
    copy_async_commit();

    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    unsigned own_q = q_tile + warp * 16 * BLOCKS * Rows::ROW_BYTES;
    unsigned q_from = Rows::rows_by_lane(own_q);
    unsigned k_from = Rows::columns_by_lane(k_tile);
    unsigned v_from = Rows::rows_by_lane(v_tile);
    // The first of the two rows that this lane holds of a block, counted from the segment's first row.
    int own_row = tile.first + warp * 16 * BLOCKS + lane / 4;
    float scale = shape.scale * LOG2_E;

    float sums[BLOCKS][DIM / 8][4] = {};
    float largest[BLOCKS][2], total[BLOCKS][2];
#pragma unroll
    for (int b = 0; b < BLOCKS; b++) {
        largest[b][0] = largest[b][1] = negative_infinity();
        total[b][0] = total[b][1] = 0.0f;
    }

    for (int first_key = 0; first_key < seen; first_key += KEYS_AT_ONCE) {
        // These keys have arrived, and all warps are done with the values before them.
        copy_async_wait<0>();
        __syncthreads();
        Rows::template fill<KEYS_AT_ONCE, THREADS>(v_tile, v, stride, first_key, tile.length);
        copy_async_commit();

        float scores[BLOCKS][KEYS_AT_ONCE / 8][4] = {};
#pragma unroll
        for (int step = 0; step < DIM / 16; step++) {
            unsigned a[BLOCKS][4];
#pragma unroll
            for (int b = 0; b < BLOCKS; b++) {
                load_blocks(a[b], (q_from ^ (32 * step)) + b * 16 * Rows::ROW_BYTES);
            }
#pragma unroll
            for (int n = 0; n < KEYS_AT_ONCE / 16; n++) {
                unsigned keys[4];
                load_blocks(keys, (k_from ^ (32 * step)) + n * 16 * Rows::ROW_BYTES);
#pragma unroll
                for (int b = 0; b < BLOCKS; b++) {
                    Bf16Operands::multiply(scores[b][2 * n], a[b], keys[0], keys[1]);
                    Bf16Operands::multiply(scores[b][2 * n + 1], a[b], keys[2], keys[3]);
                }
            }
        }

        bool cut = first_key + KEYS_AT_ONCE > tile.length ||
                   (CAUSAL && first_key + KEYS_AT_ONCE > tile.first + warp * 16 * BLOCKS);
        if (cut) {
#pragma unroll
            for (int b = 0; b < BLOCKS; b++) {
#pragma unroll
                for (int n = 0; n < KEYS_AT_ONCE / 8; n++) {
#pragma unroll
                    for (int i = 0; i < 4; i++) {
                        int key = first_key + 8 * n + 2 * (lane % 4) + i % 2;
                        int row = own_row + 16 * b + i / 2 * 8;
                        bool visible = key < tile.length && (!CAUSAL || key <= row);
                        if (!visible) scores[b][n][i] = negative_infinity();
                    }
                }
            }
        }

#pragma unroll
        for (int b = 0; b < BLOCKS; b++) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                float peak = largest[b][half];
#pragma unroll
                for (int n = 0; n < KEYS_AT_ONCE / 8; n++) {
                    peak = fmaxf(peak, fmaxf(scores[b][n][2 * half], scores[b][n][2 * half + 1]));
                }
                peak = max_of_quad(peak);
                // The first keys of a segment are visible to every row, so `peak` is finite from then on.
                float shrink = exp2_fast((largest[b][half] - peak) * scale);
                largest[b][half] = peak;
                float offset = peak * scale, sum = 0.0f;
#pragma unroll
                for (int n = 0; n < KEYS_AT_ONCE / 8; n++) {
#pragma unroll
                    for (int i = 2 * half; i < 2 * half + 2; i++) {
                        scores[b][n][i] = exp2_fast(scores[b][n][i] * scale - offset);
                        sum += scores[b][n][i];
                    }
                }
                total[b][half] = total[b][half] * shrink + sum;
                // Most of the time no maximum moves.
                if (__any_sync(~0u, shrink != 1.0f)) {
#pragma unroll
                    for (int n = 0; n < DIM / 8; n++) {
                        sums[b][n][2 * half] *= shrink;
                        sums[b][n][2 * half + 1] *= shrink;
                    }
                }
            }
        }

        // The values have arrived, and all warps are done with the keys.
        copy_async_wait<0>();
        __syncthreads();
        if (first_key + KEYS_AT_ONCE < seen) {
            Rows::template fill<KEYS_AT_ONCE, THREADS>(k_tile, k, stride, first_key + KEYS_AT_ONCE, tile.length);
        }
        copy_async_commit();

#pragma unroll
        for (int step = 0; step < KEYS_AT_ONCE / 16; step++) {
            unsigned a[BLOCKS][4];
#pragma unroll
            for (int b = 0; b < BLOCKS; b++) {
                a[b][0] = pack_bf16(scores[b][2 * step][0], scores[b][2 * step][1]);
                a[b][1] = pack_bf16(scores[b][2 * step][2], scores[b][2 * step][3]);
                a[b][2] = pack_bf16(scores[b][2 * step + 1][0], scores[b][2 * step + 1][1]);
                a[b][3] = pack_bf16(scores[b][2 * step + 1][2], scores[b][2 * step + 1][3]);
            }
#pragma unroll
            for (int n = 0; n < DIM / 16; n++) {
                unsigned values[4];
                load_blocks_transposed(values, (v_from ^ (32 * n)) + step * 16 * Rows::ROW_BYTES);
#pragma unroll
                for (int b = 0; b < BLOCKS; b++) {
                    Bf16Operands::multiply(sums[b][2 * n], a[b], values[0], values[1]);
                    Bf16Operands::multiply(sums[b][2 * n + 1], a[b], values[2], values[3]);
                }
            }
        }
    }

    // Through this warp's own queries, which nobody reads any more, into whole lines.
#pragma unroll
    for (int b = 0; b < BLOCKS; b++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float inverse = 1.0f / sum_of_quad(total[b][half]);
            int row = 16 * b + 8 * half + lane / 4;
            unsigned char* own = memory + warp * 16 * BLOCKS * Rows::ROW_BYTES;
#pragma unroll
            for (int n = 0; n < DIM / 8; n++) {
                *reinterpret_cast<unsigned*>(own + Rows::offset(row, n) + 4 * (lane % 4)) =
                    pack_bf16(sums[b][n][2 * half] * inverse, sums[b][n][2 * half + 1] * inverse);
            }
        }
    }
    __syncwarp();
    long long out_stride = (long long)shape.queries * DIM;
    bf16* to = out + tile.segment_start * out_stride + head * DIM;
#pragma unroll
    for (int i = lane; i < 16 * BLOCKS * Rows::CHUNKS; i += 32) {
        int row = i / Rows::CHUNKS, chunk = i % Rows::CHUNKS;
        int at = tile.first + warp * 16 * BLOCKS + row;
        if (at < tile.length) {
            *reinterpret_cast<uint4*>(to + at * out_stride + 8 * chunk) = *reinterpret_cast<const uint4*>(
                memory + warp * 16 * BLOCKS * Rows::ROW_BYTES + Rows::offset(row, chunk));
        }
    }
}

#define ATTENTION(NAME, DIM, BLOCKS, CAUSAL)                                                              \
    extern "C" __global__ void __launch_bounds__(THREADS, 2)                                              \
        NAME(const bf16* qkv, bf16* out, AttentionShape shape) {                                          \
        attention<DIM, BLOCKS, CAUSAL>(qkv, out, shape);                                                  \
    }
ATTENTION(attention_full_64_64, 64, 1, false)
ATTENTION(attention_full_64_128, 64, 2, false)
ATTENTION(attention_full_128_64, 128, 1, false)
ATTENTION(attention_full_128_128, 128, 2, false)
ATTENTION(attention_causal_64_64, 64, 1, true)
ATTENTION(attention_causal_64_128, 64, 2, true)
ATTENTION(attention_causal_128_64, 128, 1, true)
ATTENTION(attention_causal_128_128, 128, 2, true)
