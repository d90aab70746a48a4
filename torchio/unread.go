package torchio

import "strings"

// What torch writes for values that this package does not read is on the
// allow-list too, so that the rest of a file that holds them can be read. Such
// a call makes nothing: it leaves a tensor with an Err or, for other values, an
// *UnsupportedError in the place of the value. Its arguments are dropped.

// unreadTensors are the functions that rebuild tensors of other kinds.
var unreadTensors = map[string]string{
	"torch._utils._rebuild_sparse_tensor":                 "a sparse tensor",
	"torch._utils._rebuild_qtensor":                       "a quantized tensor",
	"torch._utils._rebuild_nested_tensor":                 "a nested tensor",
	"torch.nested._internal.nested_tensor._rebuild_njt":   "a nested tensor",
	"torch._utils._rebuild_meta_tensor_no_storage":        "a meta tensor, which has no elements",
	"torch._utils._rebuild_wrapper_subclass":              "a tensor of a class of its own",
	"torch._utils._rebuild_device_tensor_from_numpy":      "a tensor of a device without storages",
	"torch._utils._rebuild_device_tensor_from_cpu_tensor": "a tensor of a device without storages",
}

// unreadCalls are the other functions and classes that are called.
var unreadCalls = map[string]string{
	"torch.serialization._get_layout": "a torch.layout",
	"collections.Counter":             "a collections.Counter",
}

// unreadTypes are the element types that are not read.
var unreadTypes = []string{
	"float4_e2m1fn_x2", "bcomplex32", "bits8", "bits16", "bits1x8", "bits2x4", "bits4x2",
	"int1", "int2", "int3", "int4", "int5", "int6", "int7", "uint1", "uint2", "uint3", "uint4", "uint5", "uint6", "uint7",
	"qint8", "qint32", "quint8", "quint2x4", "quint4x2",
}

// unreadSchemes are the ways of quantization, which are values in Python.
var unreadSchemes = []string{
	"per_tensor_affine", "per_tensor_symmetric", "per_channel_affine", "per_channel_symmetric", "per_channel_affine_float_qparams",
}

// quantizedStorages are the classes of the storages of quantized tensors, by
// the type of the integers in them.
var quantizedStorages = map[string]DType{
	"QInt8Storage": Int8, "QInt32Storage": Int32, "QUInt8Storage": Uint8, "QUInt2x4Storage": Uint8, "QUInt4x2Storage": Uint8,
}

// addUnread enters all of these in the allow-list.
func addUnread(m map[string]any) {
	for name, feature := range unreadTensors {
		m[name] = &global{call: func(u *unpickler, _ Tuple) (any, error) { return u.unreadTensor(feature) }}
	}
	for name, feature := range unreadCalls {
		m[name] = &global{call: func(u *unpickler, _ Tuple) (any, error) {
			return &UnsupportedError{Feature: feature}, u.charge(48)
		}}
	}
	for _, name := range unreadTypes {
		m["torch."+name] = &UnsupportedError{Feature: "elements of type " + name}
	}
	for _, name := range unreadSchemes {
		m["torch."+name] = &UnsupportedError{Feature: "a torch.qscheme"}
	}
	for class, dtype := range quantizedStorages {
		m["torch."+class] = &global{storage: dtype, quantized: true}
	}
	m["torch.nested._internal.nested_tensor.NestedTensor"] = &global{}
	m["torch.storage.TypedStorage"] = &global{}
	for d := range dtypes {
		class, ok := strings.CutSuffix(dtypes[d].storage, "Storage")
		if !ok {
			continue
		}
		for _, module := range []string{"torch.", "torch.sparse.", "torch.cuda.", "torch.cuda.sparse."} {
			m[module+class+"Tensor"] = &global{}
		}
	}
}

// unreadTensor makes the tensor that stands for one of another kind.
func (u *unpickler) unreadTensor(feature string) (*Tensor, error) {
	t := u.tensors.new()
	t.unread = &UnsupportedError{Feature: feature}
	return t, u.charge(208)
}

// standIn gives what a caller sees of a value of the pickle: for a class, a
// function or a storage that is not part of a tensor, that it is not read.
func standIn(v any) any {
	switch v := v.(type) {
	case *global:
		return v.bare
	case *storageRef:
		if v.bare == nil {
			v.bare = &UnsupportedError{Feature: "a storage that is not part of a tensor"}
		}
		return v.bare
	case *numpyType:
		if v.bare == nil {
			v.bare = &UnsupportedError{Feature: "a numpy.dtype as a value"}
		}
		return v.bare
	}
	return v
}
