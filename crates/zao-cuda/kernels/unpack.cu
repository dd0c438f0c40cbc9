// Packed rows of a weight to rows that are multiplied, before each product: at the speed of memory, so that what a
// product reads is written but once, and never as a whole for all weights.
//
// Launch: blocks of THREADS, those up to `end` for each part, a warp for every TILE values: warps wait for nobody, and those that
// wait for memory are many. (Fewer that copy the next tile while they unpack one move an eighth less.) In the order of the
// stream or overlapping it.
#include "async_copy.cuh"
#include "blocks.cuh"
#include "overlap.cuh"
#include "row.cuh"

constexpr int THREADS = 128;
constexpr int WARPS = THREADS / 32;
// Blocks that a multiprocessor has registers for.
constexpr int BLOCKS = 10;
// Values of a thread and of a warp.
constexpr int OWN = 64;
constexpr int TILE = 32 * OWN;

// Rows that are packed in the same way and lie one after the other. Row i becomes row first + i * step.
struct UnpackPart {
    // It may begin anywhere that blocks may; what shares 16 bytes with its ends can be read.
    const unsigned char* from;
    // f32 [rows]: what a format has beside its bytes, else for 8 bits what elements will be multiplied with.
    const float* scales;
    // f32 [rows], for 8 bits: what values are multiplied with to use their range.
    const float* factors;
    int first;
    int step;
    int rows;
    // The block after those that unpack it.
    int end;
};
struct UnpackArguments {
    static constexpr int PARTS = 4;
    UnpackPart parts[PARTS];
    // Rows of `width`, a multiple of 16.
    void* to;
    // The scale of each row, for 8 bits.
    float* to_scales;
    unsigned width;
    // (2^32 - 1) / width, rounded down.
    unsigned reciprocal;
};
static_assert(sizeof(UnpackArguments) == 184, "as src/packed/unpacking.rs has it");

// What fills 16 bytes, to an address divisible by that.
__device__ __forceinline__ void store_group(float* to, const float (&v)[4]) { store(to, v); }
__device__ __forceinline__ void store_group(bf16* to, const float (&v)[8]) { store(to, v); }
__device__ __forceinline__ void store_group(e4m3* to, const float (&v)[16]) {
    unsigned w[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        w[i] = e4m3_pair(v[4 * i], v[4 * i + 1]) | (unsigned)e4m3_pair(v[4 * i + 2], v[4 * i + 3]) << 16;
    }
    *reinterpret_cast<uint4*>(to) = make_uint4(w[0], w[1], w[2], w[3]);
}
// The nearest whole numbers, ties to even: none is beyond 127, so that each is the last byte of itself and 1.5 * 2^23. A
// conversion takes four times as long. The addition stays one of its own: with what is multiplied before it in one
// instruction, values would be rounded once where loading rounds them twice.
__device__ __forceinline__ void store_group(int8* to, const float (&v)[16]) {
    unsigned w[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        auto whole = [&](int k) { return __float_as_uint(__fadd_rn(v[4 * i + k], 0x1.8p23f)); };
        w[i] = __byte_perm(__byte_perm(whole(0), whole(1), 0x0040), __byte_perm(whole(2), whole(3), 0x0040), 0x5410);
    }
    *reinterpret_cast<uint4*>(to) = make_uint4(w[0], w[1], w[2], w[3]);
}

template <class Format, class Out>
struct Unpacking {
    static constexpr bool NARROW = is_8bit<Out>::value;
    // Values of a group: they are written as 16 bytes.
    static constexpr int N = 16 / sizeof(Out);
    // Both groups of a unit are one thread's where the groups of neighbours fill sectors of 32 bytes; else each is a
    // thread's own.
    static constexpr bool WHOLE = groups_of<Format>::value == 1 || Format::APART * sizeof(Out) >= 32;
    static constexpr int GROUPS = WHOLE ? groups_of<Format>::value : 1;
    // Groups that lie beside each other before the second ones of their units.
    static constexpr int BESIDE = Format::APART > 0 ? Format::APART / N : 1;
    // What a thread unpacks at a time: a unit or a group.
    static constexpr int PIECE = N * GROUPS;
    static constexpr int PIECES = OWN / PIECE;
    static constexpr int IN_BLOCK = Format::VALUES / PIECE;
    static constexpr int TILE_BYTES = TILE / Format::VALUES * Format::BYTES;
    // Tiles begin where the part does, up to 14 bytes behind a boundary of 16.
    static constexpr int SHARED = TILE_BYTES + (Format::ALIGNED < 16 ? 16 : 0);
    static_assert(TILE % Format::VALUES == 0 && TILE_BYTES % 16 == 0 && 32 % IN_BLOCK == 0, "tiles are whole blocks, and begin alike");

    // Where a piece goes, and what its values are multiplied with.
    struct Place {
        Out* to;
        float factor, scale;
    };

    const UnpackArguments& arguments;
    const UnpackPart& part;

    // Of the piece that begins at a value of the part.
    __device__ __forceinline__ Place place(unsigned value, unsigned values) const {
        // Of fewer than 2^31 values, the quotient is this or one more.
        unsigned row = __umulhi(value, arguments.reciprocal), column = value - row * arguments.width;
        if (column >= arguments.width) row++, column -= arguments.width;
        if constexpr (GROUPS == 2) column -= threadIdx.x % BESIDE * N;
        const unsigned long long at = part.first + (unsigned long long)row * (unsigned)part.step;
        Place place = {static_cast<Out*>(arguments.to) + (at * arguments.width + column), 1.0f, 1.0f};
        if (value < values) {
            if constexpr (NARROW) place.factor = part.factors[row];
            if constexpr (Format::SCALED) place.scale = part.scales[row];
        }
        return place;
    }

    // Tile `tile` of the part, by way of so much shared memory.
    __device__ __forceinline__ void run(unsigned char* shared, unsigned tile) const {
        const unsigned lane = threadIdx.x % 32, begin = tile * TILE, values = (unsigned)part.rows * arguments.width;
        const unsigned skip = Format::ALIGNED < 16 ? (unsigned)(unsigned long long)part.from & 15 : 0;
        if (begin < values) {
            const unsigned bytes = skip + min((unsigned)TILE, values - begin) / Format::VALUES * Format::BYTES;
            const unsigned char* const source = part.from - skip + (unsigned long long)tile * TILE_BYTES;
#pragma unroll
            for (unsigned first = 0; first < SHARED; first += 32 * 16) {
                const unsigned at = first + lane * 16;
                if (at < bytes) copy_async_16(shared_address(shared) + at, source + at, 16);
            }
        }
        copy_async_commit();
        Place places[PIECES];
#pragma unroll
        for (int p = 0; p < PIECES; p++) places[p] = place(begin + (p * 32 + lane) * PIECE, values);
        // Weights do not change while kernels run, so that so much does not wait for this one's turn.
        join_stream();
        copy_async_wait<0>();
        __syncwarp();
#pragma unroll
        for (int p = 0; p < PIECES; p++) {
            if (begin + (p * 32 + lane) * PIECE >= values) break;
            const unsigned char* block = shared + skip + (p * 32 + lane) / IN_BLOCK * Format::BYTES;
            int unit = lane % IN_BLOCK, half = 0;
            if constexpr (!WHOLE) {
                half = unit / BESIDE % 2;
                unit = unit / (2 * BESIDE) * BESIDE + unit % BESIDE;
            }
            const float factor = NARROW ? places[p].factor * Format::LESS : Format::LESS;
            Bits<N> bits;
            Format::read(bits, block, unit);
#pragma unroll
            for (int g = 0; g < GROUPS; g++) {
                float v[N];
                Format::group(v, bits, block, unit, half + g, places[p].scale);
                if constexpr (NARROW || Format::LESS != 1.0f) {
#pragma unroll
                    for (int i = 0; i < N; i++) v[i] *= factor;
                }
                store_group(places[p].to + g * Format::APART, v);
            }
        }
    }
};

template <class Format, class Out>
__device__ __forceinline__ void unpack(const UnpackArguments& arguments) {
    using Work = Unpacking<Format, Out>;
    __shared__ alignas(16) unsigned char tiles[WARPS][Work::SHARED];
    int number = 0, begin = 0;
    while ((int)blockIdx.x >= arguments.parts[number].end) begin = arguments.parts[number++].end;
    const UnpackPart& part = arguments.parts[number];
    const unsigned block = blockIdx.x - begin;
    Work{arguments, part}.run(tiles[threadIdx.x / 32], block * WARPS + threadIdx.x / 32);
    if constexpr (is_8bit<Out>::value) {
        for (int row = block * THREADS + threadIdx.x; row < part.rows; row += (part.end - begin) * THREADS) {
            arguments.to_scales[part.first + (long long)row * part.step] = part.scales[row];
        }
    }
}

#define UNPACK(NAME, FORMAT, OUT)                                         \
    extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)         \
        NAME(const __grid_constant__ UnpackArguments arguments) {         \
        unpack<FORMAT, OUT>(arguments);                                   \
    }

#define UNPACK_BLOCKS(NAME, FORMAT)                                                                       \
    UNPACK(NAME##_f32, FORMAT, float)                                                                     \
    UNPACK(NAME##_bf16, FORMAT, bf16)                                                                     \
    UNPACK(NAME##_fp8, FORMAT, e4m3)                                                                      \
    UNPACK(NAME##_int8, FORMAT, int8)

UNPACK_BLOCKS(q4_0, Q4_0)
UNPACK_BLOCKS(q4_1, Q4_1)
UNPACK_BLOCKS(q5_0, Q5_0)
UNPACK_BLOCKS(q5_1, Q5_1)
UNPACK(q8_0_f32, Q8_0, float)
UNPACK(q8_0_bf16, Q8_0, bf16)
UNPACK_BLOCKS(q2_k, Q2_K)
UNPACK_BLOCKS(q3_k, Q3_K)
UNPACK_BLOCKS(q4_k, Q4_K)
UNPACK_BLOCKS(q5_k, Q5_K)
UNPACK_BLOCKS(q6_k, Q6_K)
UNPACK_BLOCKS(int4, Int4)
UNPACK(e4m3_f32, ScaledE4m3, float)
UNPACK(e4m3_bf16, ScaledE4m3, bf16)
UNPACK(e5m2_f32, ScaledE5m2, float)
UNPACK(e5m2_bf16, ScaledE5m2, bf16)
UNPACK(int8_f32, ScaledInt8, float)
UNPACK(int8_bf16, ScaledInt8, bf16)
