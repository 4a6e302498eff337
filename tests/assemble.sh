#!/usr/bin/env bash
# assemble.sh SOURCE: compiles the kernels of matrix instructions that no machine at hand has, so that a change cannot
# break them unseen: for NVIDIA with clang to PTX, then with ptxas (CUDA toolkit) if there is one; for Intel with clang to
# LLVM's code, then with ocloc (intel-opencl-icd) if there is one. Status 77 without clang.
set -euo pipefail
kernels=$1/cl
command -v clang >/dev/null || { echo "clang is not installed: nothing is compiled"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# A program as the host puts it together, after the functions of OpenCL C that clang does not bring along.
program() {
    printf '#define LIBRARY __attribute__((overloadable))\n'
    cat
    cat "$kernels"/{common,matrix,matrix_lanes,conv_matrix,gemm_matrix}.cl | sed 's|^#include|//&|'
}
program >"$folder/nvidia.cl" <<'END'
size_t LIBRARY get_local_id(uint d) { return __nvvm_read_ptx_sreg_tid_x(); }
size_t LIBRARY get_group_id(uint d) { return __nvvm_read_ptx_sreg_ctaid_x(); }
size_t LIBRARY get_num_groups(uint d) { return __nvvm_read_ptx_sreg_nctaid_x(); }
size_t LIBRARY get_global_id(uint d) { return get_group_id(0) * __nvvm_read_ptx_sreg_ntid_x() + get_local_id(0); }
int LIBRARY min(int a, int b) { return a < b ? a : b; }
int LIBRARY max(int a, int b) { return a > b ? a : b; }
uint16 LIBRARY convert_uint16(ushort16 v) { return __builtin_convertvector(v, uint16); }
ushort16 LIBRARY convert_ushort16(uint16 v) { return __builtin_convertvector(v, ushort16); }
float16 LIBRARY vload16(size_t i, const global float *p) { return *(const global float16 *)(p + 16 * i); }
float16 LIBRARY vload16(size_t i, const private float *p) { return *(const private float16 *)(p + 16 * i); }
uint16 LIBRARY select(uint16 a, uint16 b, uint16 mask) { return as_int16(mask) < 0 ? b : a; }
END
program >"$folder/intel.cl" <<'END'
uint LIBRARY get_sub_group_local_id(void);
#ifndef cl_intel_subgroup_matrix_multiply_accumulate
float8 LIBRARY intel_sub_group_bf16_bf16_matrix_mad_k16(short8 a, int8 b, float8 sums);
float8 LIBRARY intel_sub_group_bf16_bf16_matrix_mad_k16(int8 a, int8 b, float8 sums);
#endif
END
options=(-cl-std=CL1.2 -DSTORED=2 -DVW=16 -DPANEL=2)

# compile FILE TARGET OPTIONS...: writes FILE.s.
compile() {
    local file=$1 target=$2
    shift 2
    clang -x cl "${options[@]}" -target "$target" -Xclang -finclude-default-header -O2 -w "$@" -S "$folder/$file.cl" \
        -o "$folder/$file.s"
}

# uses FILE TEXT: fails if FILE.s does not have the text.
uses() {
    grep -qF "$2" "$folder/$1.s" || { echo "the kernels for $1 do not use $2" >&2; exit 1; }
}

ptxas=$(command -v ptxas || ls /usr/local/cuda/bin/ptxas 2>/dev/null || true)
# nvidia NAME NUMBER STORED INSTRUCTION...: of a back-end in matrix.c.
nvidia() {
    compile "$1" nvptx64-nvidia-nvcl -Xclang -target-cpu -Xclang sm_80 -Xclang -target-feature -Xclang +ptx70 \
        "-DMATRIX=$2" -DSUBGROUP=32 -USTORED "-DSTORED=$3"
    for instruction in "${@:4}"; do
        uses "$1" "$instruction"
    done
    [ "$ptxas" ] || { echo "$1: compiled to PTX; ptxas, which assembles it, is not installed"; return; }
    for architecture in sm_80 sm_89 sm_90; do
        "$ptxas" -arch=$architecture "$folder/$1.s" -o "$folder/$1.cubin"
    done
    echo "$1: compiled to PTX and assembled"
}
cp "$folder/nvidia.cl" "$folder/nvidia-tf32.cl"
nvidia nvidia 3 2 mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
nvidia nvidia-tf32 6 0 mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 cvt.rna.tf32.f32

for lanes in 16 8; do
    compile intel spir64 -emit-llvm -DMATRIX=4 -DSUBGROUP=$lanes
    uses intel intel_sub_group_bf16_bf16_matrix_mad_k16
    if command -v ocloc >/dev/null; then
        device=$([ $lanes = 16 ] && echo pvc || echo dg2)
        ocloc compile -q -file "$folder/intel.cl" -device "$device" -out_dir "$folder" \
            -options "${options[*]} -DMATRIX=4 -DSUBGROUP=$lanes" ||
            { echo "ocloc does not compile the kernels for intel's $device" >&2; exit 1; }
        echo "intel, sub-groups of $lanes: compiled and assembled for $device"
    else
        echo "intel, sub-groups of $lanes: compiled to LLVM's code; ocloc, which assembles it, is not installed"
    fi
done
