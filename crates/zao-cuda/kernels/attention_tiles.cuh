// How packed segments are cut into the tiles of queries that blocks work on. A tile begins at a multiple
// of its height after the first row of its segment, so a segment is cut the same alone and among others.
#pragma once

// A fused row is `queries` query heads, `keys` key heads, `keys` value heads, each `dim` wide.
struct AttentionShape {
    const int* offsets;  // [segments + 1]: first row of each segment, then the number of rows
    int segments;
    int queries;
    int keys;
    int dim;
    float scale;         // 1 / sqrt(dim)
};

// Rows of one segment, and the first query of a tile in it, counted from the segment's first row.
struct QueryTile {
    int segment_start;
    int length;
    int first;

    __device__ __forceinline__ bool exists() const { return length > 0; }
};

// Tile `index` of all segments' tiles of `height` queries, in order.
__device__ __forceinline__ QueryTile query_tile(const AttentionShape& shape, int index, int height) {
    int start = shape.offsets[0];
    for (int s = 0; s < shape.segments; s++) {
        int end = shape.offsets[s + 1];
        int tiles = (end - start + height - 1) / height;
        if (index < tiles) return QueryTile{start, end - start, index * height};
        index -= tiles;
        start = end;
    }
    return QueryTile{0, 0, 0};
}
