#!/usr/bin/env bash
# examples.sh TRAIN PREDICT: the programs in tests/examples work.
set -euo pipefail
train=$1 predict=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export VGGCL_CACHE_DIR=${VGGCL_CACHE_DIR:-$work/cache}

"$train" | tee log
grep -q '^epoch 5: loss 0\.0.*, test accuracy 100\.00 %$' log || { echo "train.c has not learnt the images"; exit 1; }

# A BMP picture of one light pixel: a header of 54 bytes, blue, green, red, and a byte to fill the row up.
printf 'BM\072\0\0\0\0\0\0\0\066\0\0\0\050\0\0\0\001\0\0\0\001\0\0\0\001\0\030\0\0\0\0\0\004\0\0\0%16s\310\310\310\0' '' |
    tr ' ' '\0' >light.bmp
if "$predict" save/best.safetensors light.bmp >log 2>&1; then
    cat log
    grep -q '^light.bmp: light, [0-9.]* %$' log
else # libvips is optional
    cat log
    grep -q 'built without libvips' log
fi
! "$predict" save/best.safetensors missing.bmp >log 2>&1 && grep -q '^missing.bmp: ' log
! "$predict" >log 2>&1 && grep -q '^usage: ' log
