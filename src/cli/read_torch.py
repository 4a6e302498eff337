"""read_torch.py IN OUT: writes the weights in a file of PyTorch's torch.save() as safetensors, for `vggcl convert`. Needs
neither PyTorch nor NumPy. Of the pickles in the file only tensors and Python's own types are taken: every other object is
replaced, and no code is imported or run."""
import collections
import itertools
import json
import math
import pickle
import sys
import zipfile

STORAGES = {"FloatStorage": ("F32", 4), "DoubleStorage": ("F64", 8), "HalfStorage": ("F16", 2), "BFloat16Storage": ("BF16", 2),
            "LongStorage": ("I64", 8), "IntStorage": ("I32", 4), "ShortStorage": ("I16", 2), "CharStorage": ("I8", 1),
            "ByteStorage": ("U8", 1), "BoolStorage": ("BOOL", 1)}
KEYS = ("state_dict", "model_state_dict", "model", "net")  # of a checkpoint: what may hold the weights
MAGIC = 0x1950A86A20F9469CFC6C  # of the format before PyTorch 1.6


class Ignored:
    """Stands for any object that is neither a tensor nor of a type of Python's own."""

    def __init__(self, *_, **__):
        pass

    def __setstate__(self, _):
        pass

    __setitem__ = append = extend = add = __call__ = __init__


class Storage:
    """The elements of one tensor or several."""

    def __init__(self, kind, data=b""):
        self.dtype, self.bytes = kind
        self.data = data


class Tensor:
    def __init__(self, storage, offset, size, stride, *_):
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def count(self):
        return math.prod(self.size)

    def contents(self):
        """The bytes of the elements, the last dimension's side by side."""
        if not self.count():
            return b""
        size, stride = self.size or (1,), self.stride or (1,)
        last, room = self.offset + sum((n - 1) * s for n, s in zip(size, stride)), len(self.storage.data) // self.storage.bytes
        if min(self.offset, *size, *stride) < 0 or last >= room or self.count() > room:
            raise ValueError("a tensor is larger than its storage")
        if all(s == math.prod(size[i + 1:]) or size[i] == 1 for i, s in enumerate(stride)):
            return self.storage.data[self.offset * self.storage.bytes:(last + 1) * self.storage.bytes]
        elements = memoryview(self.storage.data).cast({1: "B", 2: "H", 4: "I", 8: "Q"}[self.storage.bytes])
        starts = (self.offset + sum(i * s for i, s in zip(at, stride)) for at in itertools.product(*map(range, size[:-1])))
        step = max(stride[-1], 1)
        return b"".join(elements[start:start + (size[-1] - 1) * step + 1:step].tobytes() for start in starts)


KNOWN = {("collections", "OrderedDict"): collections.OrderedDict, ("torch._utils", "_rebuild_tensor_v2"): Tensor,
         ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor}


class Unpickler(pickle.Unpickler):
    def __init__(self, file, storage_of=None):
        super().__init__(file, encoding="utf-8")
        self.storage_of = storage_of

    def find_class(self, module, name):
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        return KNOWN.get((module, name), Ignored)

    def persistent_load(self, saved):
        if saved[0] != "storage":
            return saved[1] if saved[0] == "module" else Ignored()
        if not isinstance(saved[1], tuple):
            raise ValueError("a tensor has elements of an unknown type")
        return self.storage_of(*saved[1:])


def read_archive(path):
    """Of PyTorch 1.6 and later: a zip archive of data.pkl and a file for each storage."""
    with zipfile.ZipFile(path) as archive:
        pickled = next((name for name in archive.namelist() if name.endswith("data.pkl")), None)
        if not pickled or any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
            raise ValueError("is no archive of torch.save()")
        storages = {}

        def storage_of(kind, key, *_):
            if key not in storages:
                storages[key] = Storage(kind, archive.read(f"{pickled[:-len('data.pkl')]}data/{key}"))
            return storages[key]

        with archive.open(pickled) as file:
            return Unpickler(file, storage_of).load()


def read_early(path):
    """Of earlier versions: pickles one after the other, then the storages."""
    storages, views = {}, []

    def storage_of(kind, key, _, count, view=None):
        if key not in storages:
            storages[key] = Storage(kind)
        if not view:
            return storages[key]
        part = Storage(kind)
        views.append((part, storages[key], view[1], view[2]))
        return part

    with open(path, "rb") as file:
        if Unpickler(file).load() != MAGIC:
            raise ValueError("is a pickle, but not of torch.save()")
        Unpickler(file).load(), Unpickler(file).load()
        content = Unpickler(file, storage_of).load()
        for key in Unpickler(file).load():
            storage = storages[key]
            storage.data = file.read(int.from_bytes(file.read(8), "little") * storage.bytes)
    for part, whole, offset, count in views:
        part.data = whole.data[offset * whole.bytes:(offset + count) * whole.bytes]
    return content


def find_weights(content):
    """The tensors of a state_dict, or of a checkpoint that has one."""
    if isinstance(content, dict):
        for key in KEYS:
            if isinstance(content.get(key), dict):
                return find_weights(content[key])
        tensors = {name: t for name, t in content.items() if isinstance(t, Tensor)}
        if tensors:
            return tensors
    raise ValueError("has no state_dict; where it was made, save it by: torch.save(model.state_dict(), 'weights.pth')")


def write_safetensors(path, tensors):
    header, end = {}, 0
    for name, t in tensors.items():
        begin, end = end, end + t.count() * t.storage.bytes
        header[name] = {"dtype": t.storage.dtype, "shape": list(t.size), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for t in tensors.values():
            file.write(t.contents())


def main(path, out):
    try:
        content = read_archive(path) if zipfile.is_zipfile(path) else read_early(path)
        write_safetensors(out, find_weights(content))
    except OSError as error:
        sys.exit(str(error))
    except Exception as error:  # of many kinds: the file is not trusted
        sys.exit(str(error) if type(error) is ValueError else f"is damaged ({type(error).__name__}: {str(error):.60})")


if __name__ == "__main__":
    main(*sys.argv[1:])
