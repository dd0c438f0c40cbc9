#!/bin/bash
# Everything from drawings to an exported model in a given time, on one GPU or on all of them. What is done already is not done again, so it can be
# started again after any end. Does not make things.json.xz (things.py does) nor the examination (examine.py choose).
#
#     bash train.sh THINGS FOLDER [SECONDS]
things=$1 folder=$2 seconds=${3:-1800}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
[ -e "$folder/started" ] || date +%s >"$folder/started"
end=$(($(cat "$folder/started") + seconds))
# The autoencoder gets two ninths; the export and a look at it take the last minute.
vae=$(echo "$seconds" | awk '{print $1 / 270}')
# NVLink multicast stays off: not every host that shares its cards among machines stands it.
export PYTHONUNBUFFERED=1 NCCL_NVLS_ENABLE=0 TORCH_SYMM_MEM_DISABLE_MULTICAST=1 NVSHMEM_DISABLE_NVLS=1
export TORCHINDUCTOR_CACHE_DIR=$folder/compiled
gpus=$(nvidia-smi -L | wc -l)
alone=python3 together=python3
[ "$gpus" -lt 2 ] || together="python3 -m torch.distributed.run --nproc_per_node=$gpus"
note() { echo "$(date +%T) $*"; }

# Captions are made on the processors while the autoencoder trains, and the transformer is compiled on the last card.
note "begin, $gpus devices"
$alone "$here/corpus.py" "$things" "$folder/corpus" & corpus=$!
[ -e "$folder/sprites.npy" ] || $alone "$here/sprites.py" "$things" "$folder/sprites.npy"
note sprites
if [ ! -e "$folder/flow.pt" ]; then
    CUDA_VISIBLE_DEVICES=$((gpus - 1)) timeout 300 $alone "$here/train_flow.py" - - "$folder" --compile --graphs --warm & warm=$!
fi
# A way that does not work on this machine is left for a slower one that does.
$together "$here/train_vae.py" "$folder/sprites.npy" "$folder" --minutes "$vae" --compile ||
    $alone "$here/train_vae.py" "$folder/sprites.npy" "$folder" --minutes "$vae" --compile ||
    $alone "$here/train_vae.py" "$folder/sprites.npy" "$folder" --minutes "$vae"
note vae
wait "$corpus"
[ -z "$warm" ] || wait "$warm"
note "captions and compilation"
flow() { "$@" "$folder/corpus" "$folder/sprites.npy" "$folder" --minutes 60 --until $((end - 60)); }
flow $together "$here/train_flow.py" --compile --graphs ||
    flow $alone "$here/train_flow.py" --compile --graphs ||
    flow $alone "$here/train_flow.py" --graphs ||
    flow $alone "$here/train_flow.py"
note flow
$alone "$here/finish.py" "$folder/corpus" "$things" "$folder/sprites.npy" "$folder" "$folder/out" --brief
note finished
touch "$folder/finished"
