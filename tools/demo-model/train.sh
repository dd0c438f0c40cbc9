#!/bin/bash
# Everything from drawings to an exported model, on one GPU or all of them; what is done already is not done again, so it can be started again after
# any end. Does not make things.json.xz (things.py does) nor the examination (examine.py choose).
#
#     bash train.sh THINGS FOLDER [MINUTES_VAE MINUTES_FLOW MINUTES_STRAIGHT]
set -e
here=$(cd "$(dirname "$0")" && pwd)
things=$1 folder=$2 vae=${3:-4.5} flow=${4:-13} straight=${5:-2}
# NVLink multicast stays off: not every host that shares its cards among machines stands it.
export PYTHONUNBUFFERED=1 NCCL_NVLS_ENABLE=0 TORCH_SYMM_MEM_DISABLE_MULTICAST=1 NVSHMEM_DISABLE_NVLS=1
export TORCHINDUCTOR_CACHE_DIR=$folder/compiled
mkdir -p "$folder/out"
gpus=$(nvidia-smi -L | wc -l)
together="python3 -m torch.distributed.run --nproc_per_node=$gpus"
[ "$gpus" -ge 2 ] || together=python3

# Captions are made on the processors while the autoencoder trains, and the transformer is compiled on the last card.
python3 "$here/corpus.py" "$things" "$folder/corpus" & corpus=$!
[ -e "$folder/sprites.npy" ] || python3 "$here/sprites.py" "$things" "$folder/sprites.npy"
if [ ! -e "$folder/flow.pt" ]; then
    CUDA_VISIBLE_DEVICES=$((gpus - 1)) python3 "$here/train_flow.py" - - "$folder" --compile --graphs --warm & warm=$!
fi
python3 "$here/train_vae.py" "$folder/sprites.npy" "$folder" --minutes "$vae" --compile
wait "$corpus"
[ -z "$warm" ] || wait "$warm" || true
$together "$here/train_flow.py" "$folder/corpus" "$folder/sprites.npy" "$folder" --minutes "$flow" --compile --graphs
python3 "$here/finish.py" "$folder/corpus" "$things" "$folder/sprites.npy" "$folder" "$folder/out"
if [ "$straight" != 0 ]; then
    $together "$here/straighten.py" "$folder/corpus" "$folder/sprites.npy" "$folder" --minutes "$straight" --rate 4e-4 --compile --graphs
    python3 "$here/finish.py" "$folder/corpus" "$things" "$folder/sprites.npy" "$folder" "$folder/straight" --weights straight.pt
fi
touch "$folder/finished"
