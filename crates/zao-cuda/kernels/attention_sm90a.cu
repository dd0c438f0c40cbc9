// Attention for Hopper: softmax(q k^T / sqrt(128)) v over packed segments, head width 128, bf16 in and
// out, f32 softmax, full or causal, several query heads to a key head. What a block computes is decided
// by a work list that the host made; which order sums are taken in depends on the length of a row's own
// segment only. Other head widths and other cards are not served here.
//
// One producer warp copies tiles of keys and values into rings in shared memory; each of three
// warpgroups computes 64 query rows. A warpgroup issues the scores of a tile together with the weighing
// of the values of the one before, and while it takes exponents the tensor cores work for the others.
//
// Keys are walked from the last tile, the only partial one, to the first.
#include "attention_wgmma.cuh"
#include "attention_softmax.cuh"
#include "overlap.cuh"
#include "sm90a_tma.cuh"

namespace {

constexpr int HEAD = 128;
constexpr int WARPGROUPS = 3;
constexpr int QUERIES = 64;                    // rows of a warpgroup
constexpr int KEYS = 80;                       // rows of a tile; with 96, registers do not suffice
constexpr int STAGES = 3;                      // tiles of keys, and as many of values, in shared memory
constexpr int QUERY_STAGES = 2;
constexpr int QUERY_BYTES = QUERIES * HEAD * 2;
constexpr int TILE_BYTES = KEYS * HEAD * 2;
// The largest score is only taken anew when it is exceeded by so many powers of two: f32 sums and bf16
// probabilities bear that, and most tiles need no rescaling.
constexpr int SLACK = 8;

// Queries row .. row + rows of the packed tensor against the segment of key_begin .. key_begin + keys.
struct Work {
    int row, key_begin, keys, head_and_rows;   // head << 16 | rows

    __device__ __forceinline__ int head() const { return head_and_rows >> 16; }
    __device__ __forceinline__ int rows() const { return head_and_rows & 0xffff; }
    __device__ __forceinline__ int warpgroups() const { return (rows() + QUERIES - 1) / QUERIES; }

    template <bool CAUSAL>
    __device__ __forceinline__ int tiles() const {
        const int seen = CAUSAL ? min(keys, row - key_begin + rows()) : keys;
        return (seen + KEYS - 1) / KEYS;
    }
};

// Tells the compiler that a warp agrees: wgmma in a branch is only left asynchronous where it knows that.
__device__ __forceinline__ int uniform(int x) { return __shfl_sync(~0u, x, 0); }

__device__ __forceinline__ Work read_work(const int4 *list, int i) {
    const int4 w = __ldg(list + i);
    return {uniform(w.x), uniform(w.y), uniform(w.z), uniform(w.w)};
}

// `full`: the copies are there. `empty`: every consuming warp is done with them.
template <int SLOTS>
struct Ring {
    unsigned long long full[SLOTS], empty[SLOTS];

    __device__ __forceinline__ void init() {
        for (int i = 0; i < SLOTS; i++) {
            barrier_init(shared_address(&full[i]), 1);
            barrier_init(shared_address(&empty[i]), 4 * WARPGROUPS);
        }
    }
};

// Position in a ring: which slot, and the parity of the current round.
template <int SLOTS>
struct Turn {
    int slot = 0;
    unsigned parity = 0;

    __device__ __forceinline__ void next() {
        if (++slot == SLOTS) slot = 0, parity ^= 1;
    }
    __device__ __forceinline__ void wait_full(const Ring<SLOTS> &ring) const {
        barrier_wait(shared_address(&ring.full[slot]), parity);
    }
    __device__ __forceinline__ void wait_empty(const Ring<SLOTS> &ring) const {
        barrier_wait(shared_address(&ring.empty[slot]), parity ^ 1);
    }
    // Called by whole warps, once what they read is no longer needed.
    __device__ __forceinline__ void release(const Ring<SLOTS> &ring) const {
        if (threadIdx.x % 32 == 0) barrier_arrive(shared_address(&ring.empty[slot]));
    }
};

struct alignas(1024) Shared {
    unsigned char q[QUERY_STAGES][WARPGROUPS][QUERY_BYTES];
    unsigned char k[STAGES][TILE_BYTES], v[STAGES][TILE_BYTES];
    Ring<QUERY_STAGES> q_ring;
    Ring<STAGES> k_ring, v_ring;
};

struct Arguments {
    unsigned short *out;
    const int4 *list;
    int begin, end, query_heads, kv_heads;
    float scale;
};

template <bool CAUSAL>
__device__ __forceinline__ void produce(Shared &shared, const TensorMap &q_map, const TensorMap &kv_map,
                                        const Arguments &a) {
    Turn<QUERY_STAGES> q_turn;
    Turn<STAGES> k_turn, v_turn;
    const bool leader = threadIdx.x == 0;
    const int group = a.query_heads / a.kv_heads;
    const auto load_tile = [&](unsigned char *to, int row, int column, unsigned long long &full) {
        if (!leader) return;
        barrier_expect(shared_address(&full), TILE_BYTES);
        load_box(shared_address(to), &kv_map, 0, row, column, shared_address(&full));
    };
    await_kernel_before();
    for (int i = a.begin; i < a.end; i++) {
        const Work w = read_work(a.list, i);
        // Maps count in halves of heads.
        const int k_column = 2 * (a.query_heads + w.head() / group), v_column = k_column + 2 * a.kv_heads;

        q_turn.wait_empty(shared.q_ring);
        if (leader) {
            const unsigned full = shared_address(&shared.q_ring.full[q_turn.slot]);
            barrier_expect(full, w.warpgroups() * QUERY_BYTES);
            for (int g = 0; g < w.warpgroups(); g++)
                load_box(shared_address(shared.q[q_turn.slot][g]), &q_map, 0, w.row + g * QUERIES, 2 * w.head(), full);
        }
        q_turn.next();

        // Keys run one tile ahead of values, as they are used.
        const int last = w.tiles<CAUSAL>() - 1;
        for (int t = last; t >= -1; t--) {
            if (t >= 0) {
                k_turn.wait_empty(shared.k_ring);
                load_tile(shared.k[k_turn.slot], w.key_begin + t * KEYS, k_column, shared.k_ring.full[k_turn.slot]);
                k_turn.next();
            }
            if (t < last) {
                v_turn.wait_empty(shared.v_ring);
                load_tile(shared.v[v_turn.slot], w.key_begin + (t + 1) * KEYS, v_column,
                          shared.v_ring.full[v_turn.slot]);
                v_turn.next();
            }
        }
    }
    admit_kernel_after();
}

// s = q k^T of 64 queries and one tile of keys, without waiting.
__device__ __forceinline__ void issue_scores(float (&s)[KEYS / 2], unsigned q, unsigned k) {
    const Operand a(q, 0), b(k, 0);
    Scores<KEYS>::template product<false>(s, a.at(0), b.at(0));
#pragma unroll
    for (int i = 1; i < HEAD / 16; i++) {
        // 16 elements are 32 bytes of a 128-byte row; the next 64 stand in another block.
        Scores<KEYS>::template product<true>(s, a.at((i / 4) * QUERIES * 128 + (i % 4) * 32),
                                             b.at((i / 4) * KEYS * 128 + (i % 4) * 32));
    }
    wgmma_commit();
}

// o += p v for one tile, without waiting.
__device__ __forceinline__ void issue_values(float (&o)[HEAD / 2], const unsigned (&p)[KEYS / 4], unsigned v) {
    const Operand b(v, KEYS * 128);
#pragma unroll
    for (int i = 0; i < KEYS / 16; i++) weigh_values(o, p + 4 * i, b.at(i * 16 * 128));
    wgmma_commit();
}

__device__ __forceinline__ void store_rows(unsigned short *out, const float (&o)[HEAD / 2], const SoftmaxRows &softmax,
                                           const Work &w, int row, int lane, int query_heads) {
#pragma unroll
    for (int i = 0; i < 2; i++) {
        const float inverse = softmax.inverse(i);
        const int r = row + 8 * i;
        unsigned short *to = out + ((long long)(w.row + r) * query_heads + w.head()) * HEAD + 8 * (lane & 3);
#pragma unroll
        for (int g = 0; g < 4; g++) {
            unsigned x[4];
#pragma unroll
            for (int j = 0; j < 4; j++) {
                const int at = 4 * (4 * g + j) + 2 * i;
                x[j] = pack_bf16(o[at] * inverse, o[at + 1] * inverse);
            }
            gather_groups(x, lane);
            if (r < w.rows()) *(uint4 *)(to + 32 * g) = make_uint4(x[0], x[1], x[2], x[3]);
        }
    }
}

// Rows of values behind the segment's end belong to somebody else: whatever they hold, infinities and NaN
// included, times a probability of zero must be zero.
__device__ __forceinline__ void clear_values(unsigned char *v, int valid, int thread, int barrier) {
    const int per_half = (KEYS - valid) * 128 / 16;
    for (int i = thread; i < 2 * per_half; i += 128) {
        const int half = i >= per_half;
        *(uint4 *)(v + half * KEYS * 128 + valid * 128 + (i - half * per_half) * 16) = make_uint4(0, 0, 0, 0);
    }
    fence_async_proxy();
    named_wait(barrier, 128);
}

template <bool CAUSAL>
__device__ __forceinline__ void consume(Shared &shared, const Arguments &a) {
    const int thread = threadIdx.x % 128, lane = threadIdx.x % 32, me = uniform(threadIdx.x / 128) - 1;
    const int fragment_row = me * QUERIES + thread / 32 * 16 + lane / 4, fragment_column = 2 * (lane & 3);

    Turn<QUERY_STAGES> q_turn;
    Turn<STAGES> k_turn, v_turn;
    float s[KEYS / 2], o[HEAD / 2];
    unsigned p[KEYS / 4];
    SoftmaxRows softmax;
    float keep[2];

    int i = a.begin;
    // Pieces with fewer warpgroups at work stand last in a block's list.
    for (; i < a.end; i++) {
        const Work w = read_work(a.list, i);
        if (w.rows() <= me * QUERIES) break;
        const int last = w.tiles<CAUSAL>() - 1, first_row = w.row - w.key_begin;
        const int limit_low = CAUSAL ? min(w.keys, first_row + fragment_row + 1) : w.keys;
        const int limit_high = CAUSAL ? min(w.keys, first_row + fragment_row + 9) : w.keys;
        const unsigned q = uniform(shared_address(shared.q[q_turn.slot][me]));

        q_turn.wait_full(shared.q_ring);
        k_turn.wait_full(shared.k_ring);
        pin(s);
        wgmma_fence();
        issue_scores(s, q, uniform(shared_address(shared.k[k_turn.slot])));
        wgmma_wait<0>();
        pin(s);
        k_turn.release(shared.k_ring);
        k_turn.next();

        const int valid = w.keys - last * KEYS;
        if (CAUSAL || valid < KEYS) mask_columns(s, last * KEYS + fragment_column, limit_low, limit_high);
        softmax.start();
        softmax.look<KEYS / 2, !CAUSAL, SLACK>(s, a.scale, keep);
        softmax.exponents<KEYS / 2, !CAUSAL>(s, a.scale, keep, 0);
        softmax.exponents<KEYS / 2, !CAUSAL>(s, a.scale, keep, 1);
        probabilities(s, p);
        if (valid < KEYS) {
            v_turn.wait_full(shared.v_ring);
            clear_values(shared.v[v_turn.slot], valid, thread, 1 + me);
        }
#pragma unroll
        for (int j = 0; j < HEAD / 2; j++) o[j] = 0.f;

#pragma unroll 1
        for (int t = last - 1; t >= 0; t--) {
            k_turn.wait_full(shared.k_ring);
            v_turn.wait_full(shared.v_ring);
            const unsigned k = uniform(shared_address(shared.k[k_turn.slot]));
            const unsigned v = uniform(shared_address(shared.v[v_turn.slot]));
            pin(s);
            pin(o);
            pin(p);
            wgmma_fence();
            issue_scores(s, q, k);
            issue_values(o, p, v);
            wgmma_wait<1>();
            pin(s);
            k_turn.release(shared.k_ring);
            k_turn.next();
            if (CAUSAL && (t + 1) * KEYS > first_row + me * QUERIES)
                mask_columns(s, t * KEYS + fragment_column, limit_low, limit_high);
            softmax.look<KEYS / 2, !CAUSAL, SLACK>(s, a.scale, keep);
            softmax.exponents<KEYS / 2, !CAUSAL>(s, a.scale, keep, 0);
            softmax.exponents<KEYS / 2, !CAUSAL>(s, a.scale, keep, 1);
            wgmma_wait<0>();
            pin(o);
            pin(s);
            v_turn.release(shared.v_ring);
            v_turn.next();
            probabilities(s, p);
            if (__any_sync(~0u, keep[0] != 1.f || keep[1] != 1.f)) {
#pragma unroll
                for (int j = 0; j < HEAD / 2; j++) o[j] *= keep[(j / 2) % 2];
            }
        }

        v_turn.wait_full(shared.v_ring);
        pin(o);
        pin(p);
        wgmma_fence();
        issue_values(o, p, uniform(shared_address(shared.v[v_turn.slot])));
        wgmma_wait<0>();
        pin(o);
        v_turn.release(shared.v_ring);
        v_turn.next();
        q_turn.release(shared.q_ring);
        q_turn.next();
        store_rows(a.out, o, softmax, w, fragment_row, lane, a.query_heads);
    }

    // What the other warpgroups still need passes by.
    for (; i < a.end; i++) {
        const Work w = read_work(a.list, i);
        q_turn.wait_full(shared.q_ring);
        q_turn.release(shared.q_ring);
        q_turn.next();
        for (int t = w.tiles<CAUSAL>(); t > 0; t--) {
            k_turn.wait_full(shared.k_ring);
            k_turn.release(shared.k_ring);
            k_turn.next();
            v_turn.wait_full(shared.v_ring);
            v_turn.release(shared.v_ring);
            v_turn.next();
        }
    }
}

extern __shared__ unsigned char dynamic_shared[];

template <bool CAUSAL>
__device__ __forceinline__ void attention(const TensorMap &q_map, const TensorMap &kv_map, unsigned short *out,
                                          const int4 *list, const int *begins, int query_heads, int kv_heads,
                                          float scale) {
    auto &shared = *(Shared *)(((unsigned long long)dynamic_shared + 1023) & ~1023ull);
    if (threadIdx.x == 0) {
        prefetch_map(&q_map);
        prefetch_map(&kv_map);
        shared.q_ring.init();
        shared.k_ring.init();
        shared.v_ring.init();
        barrier_init_done();
        fence_async_proxy();
    }
    __syncthreads();
    const int begin = uniform(__ldg(begins + blockIdx.x)), end = uniform(__ldg(begins + blockIdx.x + 1));
    const Arguments a{out, list, begin, end, query_heads, kv_heads, scale};
    // The four warpgroups start with 128 registers a thread; those that compute take what the producer does not need.
    if (threadIdx.x < 128) {
        asm volatile("setmaxnreg.dec.sync.aligned.u32 32;");
        if (threadIdx.x < 32) produce<CAUSAL>(shared, q_map, kv_map, a);
    } else {
        asm volatile("setmaxnreg.inc.sync.aligned.u32 160;");
        consume<CAUSAL>(shared, a);
    }
}

}  // namespace

// q_map, kv_map: boxes of QUERIES and of KEYS rows of both halves of a head in the fused tensor [rows,
// (query_heads + 2 kv_heads) * 128] bf16, seen as [2 * heads][rows][64].
// out: [rows, query_heads * 128] bf16. list, begins: block b computes the pieces begins[b] .. begins[b + 1].
// scale: log2(e) / sqrt(128).
#define KERNEL(NAME, CAUSAL)                                                                                           \
    extern "C" __global__ void __launch_bounds__(128 * (WARPGROUPS + 1), 1)                                            \
        NAME(const __grid_constant__ TensorMap q_map, const __grid_constant__ TensorMap kv_map, unsigned short *out,   \
             const int4 *list, const int *begins, int query_heads, int kv_heads, float scale) {                        \
        attention<CAUSAL>(q_map, kv_map, out, list, begins, query_heads, kv_heads, scale);                             \
    }
KERNEL(attention_full, false)
KERNEL(attention_causal, true)
