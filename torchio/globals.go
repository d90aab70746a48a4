package torchio

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// global is a function or class that a pickle may name. Those not listed here
// are refused by name; nothing is ever looked up anywhere else.
type global struct {
	// call makes the value that calling the global gives, nil for those that
	// are only named.
	call func(u *unpickler, args Tuple) (any, error)
	// storage is the element type, for a storage class. An untyped one holds
	// bytes until a tensor says what they are.
	storage DType
	// quantized says that a storage holds what only a quantized tensor can
	// give a meaning.
	quantized bool
	// bare is what stands for the global itself as a value.
	bare *UnsupportedError
}

// globals is the allow-list: what torch.save writes for tensors, parameters,
// state dicts and plain containers, and what torch's own restricted loader
// allows of it. A value is a *global, a DType or an *UnsupportedError.
var globals = func() map[string]any {
	m := map[string]any{
		"collections.OrderedDict": &global{call: callOrderedDict},

		"torch._utils._rebuild_tensor":               &global{call: rebuildTensor(4, 4)},
		"torch._utils._rebuild_tensor_v2":            &global{call: rebuildTensor(6, 7)},
		"torch._utils._rebuild_tensor_v3":            &global{call: rebuildTensor(7, 8)},
		"torch._utils._rebuild_parameter":            &global{call: rebuildParameter},
		"torch._utils._rebuild_parameter_with_state": &global{call: rebuildParameter},
		"torch.nn.parameter.Parameter":               parameterClass,
		"torch.Tensor":                               tensorClass,
		"torch._tensor._rebuild_from_type_v2":        &global{call: rebuildFromType},
		"torch.Size":                                 &global{call: callSize},
		"torch.device":                               &global{call: callDevice},
		"torch.storage.UntypedStorage":               &global{storage: Uint8},
		"torch.UntypedStorage":                       &global{storage: Uint8},

		"_codecs.encode": &global{call: callEncode},

		"numpy.dtype":                   &global{call: callNumpyType},
		"numpy.core.multiarray.scalar":  &global{call: numpyScalar}, // NumPy 1
		"numpy._core.multiarray.scalar": &global{call: numpyScalar},
	}
	for _, module := range []string{"__builtin__", "builtins"} {
		m[module+".set"] = &global{call: callSet(false)}
		m[module+".frozenset"] = &global{call: callSet(true)}
		m[module+".complex"] = &global{call: callComplex}
		m[module+".bytes"] = &global{call: callBytes}
		m[module+".bytearray"] = &global{call: callBytes}
	}
	for d := Float32; d < numDTypes; d++ {
		m["torch."+dtypes[d].name] = d
		if class := dtypes[d].storage; class != "" {
			m["torch."+class] = &global{storage: d}
		}
	}
	addUnread(m)
	for name, v := range m {
		if g, ok := v.(*global); ok {
			g.bare = &UnsupportedError{Feature: name + ", a class or function, as a value"}
		}
	}
	return m
}()

var (
	tensorClass    = &global{}
	parameterClass = &global{call: rebuildParameter}
)

func (u *unpickler) pushGlobal(module, name string) error {
	g, ok := globals[module+"."+name]
	if !ok {
		return &GlobalError{Module: module, Name: name}
	}
	return u.push(g)
}

// persistent resolves a persistent id, which is a tuple that begins with
// "storage": class, key, location, number of elements and, in legacy files,
// the part of another storage that it is. The location (the device) does not
// matter here.
func (u *unpickler) persistent(id any) (*storageRef, error) {
	t, ok := id.(Tuple)
	if !ok || len(t) == 0 {
		return nil, errors.New("a persistent id that is not a tuple")
	}
	kind, _ := t[0].(string)
	if kind != "storage" {
		return nil, &UnsupportedError{Feature: fmt.Sprintf("a persistent id of kind %.40q", kind)}
	}
	if u.storage == nil || len(t) < 5 || len(t) > 6 {
		return nil, errors.New("a storage in the wrong place or of the wrong form")
	}
	class, ok1 := t[1].(*global)
	key, ok2 := t[2].(string)
	numel, ok3 := t[4].(int64)
	if !ok1 || class.storage == Invalid || !ok2 || !ok3 || len(key) > maxLine || numel < 0 {
		return nil, errors.New("a storage of the wrong form")
	}
	var view any
	if len(t) == 6 {
		view = t[5]
	}
	if err := u.charge(240 + len(key)); err != nil {
		return nil, err
	}
	ref, err := u.storage(class.storage, key, numel, view)
	if err == nil {
		ref.quantized = class.quantized
	}
	return ref, err
}

// rebuildTensor makes the functions that rebuild a tensor: (storage, offset,
// size, stride), from version 2 on followed by (requires_grad, hooks), by a
// dtype in version 3, and by optional metadata.
func rebuildTensor(minArgs, maxArgs int) func(*unpickler, Tuple) (any, error) {
	return func(u *unpickler, args Tuple) (any, error) {
		if len(args) < minArgs || len(args) > maxArgs {
			return nil, fmt.Errorf("a tensor from %d arguments", len(args))
		}
		ref, ok1 := args[0].(*storageRef)
		offset, ok2 := args[1].(int64)
		if !ok1 || !ok2 {
			return nil, errors.New("a tensor without a storage or an offset")
		}
		shape, err := u.dims(0, args[2])
		if err != nil {
			return nil, err
		}
		strides, err := u.dims(1, args[3])
		if err != nil {
			return nil, err
		}
		dtype := ref.dtype
		requiresGrad := false
		var metadata any
		if minArgs >= 6 {
			if requiresGrad, ok1 = args[4].(bool); !ok1 {
				return nil, errors.New("a tensor without a requires_grad flag")
			}
			if !emptyDict(args[5]) {
				return u.unreadTensor("a tensor with hooks")
			}
			if minArgs == 7 {
				switch d := args[6].(type) {
				case DType:
					dtype = d
				case *UnsupportedError:
					return u.unreadTensor(d.Feature)
				default:
					return nil, errors.New("a tensor without a type")
				}
			}
			if len(args) > minArgs {
				metadata = args[minArgs]
			}
		}
		if !emptyDict(metadata) {
			return u.unreadTensor("a tensor with metadata (conjugate or negative views)")
		}
		if ref.quantized {
			return u.unreadTensor("a quantized storage without its scale")
		}
		if err := u.charge(160); err != nil {
			return nil, err
		}
		t, err := newTensor(u.tensors.new(), ref, dtype, offset, shape, strides, u.maxExpanded)
		if err != nil {
			return nil, err
		}
		t.requiresGrad = requiresGrad
		return t, nil
	}
}

// dims reads sizes (which 0) or strides (which 1). Equal neighbours share one
// slice.
func (u *unpickler) dims(which int, v any) ([]int, error) {
	var items []any
	switch v := v.(type) {
	case Tuple:
		items = v
	case *List:
		items = v.Items
	case Size:
		return slices.Clone(v), u.charge(24 + 8*len(v))
	default:
		return nil, fmt.Errorf("sizes or strides of type %T", v)
	}
	if len(items) > maxDims {
		return nil, &LimitError{What: "dimensions of a tensor", Value: int64(len(items)), Limit: maxDims}
	}
	last := u.lastDims[which]
	same := last != nil && len(last) == len(items)
	for i, item := range items {
		n, ok := item.(int64)
		if !ok || n < math.MinInt || n > math.MaxInt {
			return nil, fmt.Errorf("a size or stride of type %T", item)
		}
		same = same && last[i] == int(n)
	}
	if same {
		return last, nil
	}
	if err := u.charge(24 + 8*len(items)); err != nil {
		return nil, err
	}
	dims := make([]int, len(items))
	for i, item := range items {
		dims[i] = int(item.(int64))
	}
	u.lastDims[which] = dims
	return dims, nil
}

func emptyDict(v any) bool {
	if v == nil {
		return true
	}
	d, ok := v.(*Dict)
	return ok && d.Len() == 0
}

// rebuildParameter makes a parameter: (tensor, requires_grad, hooks, and
// perhaps its Python state, which has no bearing on the elements).
func rebuildParameter(u *unpickler, args Tuple) (any, error) {
	if len(args) < 1 || len(args) > 4 {
		return nil, fmt.Errorf("a parameter from %d arguments", len(args))
	}
	t, ok := args[0].(*Tensor)
	if !ok {
		return nil, fmt.Errorf("a parameter of a %T", args[0])
	}
	p := *t
	p.parameter, p.requiresGrad = true, true
	if len(args) > 1 {
		if p.requiresGrad, ok = args[1].(bool); !ok {
			return nil, errors.New("a parameter without a requires_grad flag")
		}
	}
	if len(args) > 2 && !emptyDict(args[2]) {
		return u.unreadTensor("a parameter with hooks")
	}
	return &p, u.charge(160)
}

// rebuildFromType makes a tensor that had attributes of its own: (function,
// class, arguments, state). The state has no bearing on the elements.
func rebuildFromType(u *unpickler, args Tuple) (any, error) {
	if len(args) != 4 {
		return nil, fmt.Errorf("a tensor from %d arguments", len(args))
	}
	fn, ok1 := args[0].(*global)
	class, ok2 := args[1].(*global)
	inner, ok3 := args[2].(Tuple)
	if !ok1 || fn.call == nil || !ok2 || !ok3 {
		return nil, errors.New("a tensor of the wrong form")
	}
	if class != tensorClass && class != parameterClass {
		return u.unreadTensor("a tensor of a class of its own")
	}
	v, err := fn.call(u, inner)
	if err != nil {
		return nil, err
	}
	t, ok := v.(*Tensor)
	if !ok {
		return nil, fmt.Errorf("a tensor rebuilt as a %T", v)
	}
	if class == parameterClass {
		t.parameter = true
	}
	return t, nil
}

// callOrderedDict makes an OrderedDict, empty or from a sequence of pairs.
func callOrderedDict(u *unpickler, args Tuple) (any, error) {
	d := &Dict{Ordered: true}
	if err := u.charge(72); err != nil {
		return nil, err
	}
	if len(args) == 0 {
		return d, nil
	}
	items, ok := sequence(args[0])
	if !ok || len(args) > 1 {
		return nil, errors.New("an OrderedDict from something else than pairs")
	}
	for _, item := range items {
		pair, ok := sequence(item)
		if !ok || len(pair) != 2 {
			return nil, errors.New("an OrderedDict from something else than pairs")
		}
		if err := u.setItems(d, pair); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func sequence(v any) ([]any, bool) {
	switch v := v.(type) {
	case Tuple:
		return v, true
	case *List:
		return v.Items, true
	}
	return nil, false
}

func callSize(u *unpickler, args Tuple) (any, error) {
	if len(args) != 1 {
		return nil, errors.New("a torch.Size without sizes")
	}
	dims, err := u.dims(0, args[0])
	return Size(slices.Clone(dims)), errors.Join(err, u.charge(24+8*len(dims)))
}

// callDevice makes a torch.device from a type and perhaps an index.
func callDevice(u *unpickler, args Tuple) (any, error) {
	if len(args) < 1 || len(args) > 2 {
		return nil, errors.New("a torch.device without a name")
	}
	name, ok := args[0].(string)
	if !ok || len(name) > 64 {
		return nil, errors.New("a torch.device without a name")
	}
	if len(args) == 2 {
		n, ok := args[1].(int64)
		if !ok {
			return nil, errors.New("a torch.device without an index")
		}
		name += ":" + strconv.FormatInt(n, 10)
	}
	return Device(name), u.charge(16 + len(name))
}

// callEncode is how protocol 2 writes bytes: a text and "latin1".
func callEncode(u *unpickler, args Tuple) (any, error) {
	if len(args) != 2 {
		return nil, errors.New("an encoding of something else than text")
	}
	s, ok1 := args[0].(string)
	enc, ok2 := args[1].(string)
	if !ok1 || !ok2 || strings.ReplaceAll(enc, "-", "") != "latin1" {
		return nil, &UnsupportedError{Feature: "an encoding other than latin1"}
	}
	if err := u.charge(24 + len(s)); err != nil {
		return nil, err
	}
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return nil, errors.New("text that is not Latin-1")
		}
		b = append(b, byte(r))
	}
	return b, nil
}

// callBytes makes bytes: none, or those of a text or of other bytes.
func callBytes(u *unpickler, args Tuple) (any, error) {
	switch len(args) {
	case 0:
		return []byte{}, u.charge(24)
	case 1:
		if b, ok := args[0].([]byte); ok {
			return b, nil
		}
	case 2:
		return callEncode(u, args)
	}
	return nil, errors.New("bytes of the wrong form")
}

func callComplex(u *unpickler, args Tuple) (any, error) {
	if len(args) != 2 {
		return nil, errors.New("a complex number of the wrong form")
	}
	re, ok1 := args[0].(float64)
	im, ok2 := args[1].(float64)
	if !ok1 || !ok2 {
		return nil, errors.New("a complex number of the wrong form")
	}
	return complex(re, im), u.charge(16)
}

func callSet(frozen bool) func(*unpickler, Tuple) (any, error) {
	return func(u *unpickler, args Tuple) (any, error) {
		s := &Set{Frozen: frozen}
		if err := u.charge(64); err != nil {
			return nil, err
		}
		if len(args) == 0 {
			return s, nil
		}
		items, ok := sequence(args[0])
		if !ok || len(args) > 1 {
			return nil, errors.New("a set from something else than a sequence")
		}
		return s, u.addItems(s, items)
	}
}

// build gives an object its state. Only the attributes of an OrderedDict and
// the byte order of a NumPy type are kept.
func (u *unpickler) build() error {
	items, err := u.popN(2)
	if err != nil {
		return err
	}
	object, state := items[0], items[1]
	if d, ok := object.(*numpyType); ok {
		if err := d.setState(state); err != nil {
			return err
		}
		return u.push(d)
	}
	attrs, ok := state.(*Dict)
	if !ok {
		return fmt.Errorf("a state of type %T", state)
	}
	switch object := object.(type) {
	case *Dict:
		if !object.Ordered {
			return errors.New("a state for a plain dict")
		}
		for _, e := range attrs.entries {
			if _, ok := e.key.(string); !ok {
				return fmt.Errorf("an attribute named by a %T", e.key)
			}
		}
		if err := u.charge(16 * len(attrs.entries)); err != nil {
			return err
		}
		object.Attrs = attrs
	default:
		return fmt.Errorf("a state for a %T", object)
	}
	return u.push(object)
}

// finish makes of a pickle's value what a caller sees: each value that has no
// meaning outside a pickle is replaced by its stand-in. It refuses what a caller
// could not walk over: values that contain themselves, too deep a nesting, and
// parts shared so often that the walk would not end.
func finish(v any) (any, error) {
	v = standIn(v)
	c := treeCheck{heights: map[any]treeSize{}}
	_, err := c.visit(v, 0)
	return v, err
}

type treeSize struct{ height, size int64 }

type treeCheck struct {
	heights map[any]treeSize // by identity; height -1 while open
}

func (c *treeCheck) visit(v any, depth int64) (treeSize, error) {
	var id any
	var items []any
	var dict *Dict
	switch v := v.(type) {
	case Tuple:
		if len(v) == 0 {
			return treeSize{1, 1}, nil
		}
		id, items = &v[0], v
	case *List:
		id, items = v, v.Items
	case *Set:
		id, items = v, v.Items
	case *Dict:
		id, dict = v, v
	default:
		return treeSize{0, 1}, nil
	}
	if seen, ok := c.heights[id]; ok {
		switch {
		case seen.height < 0:
			return treeSize{}, &UnsupportedError{Feature: "a value that contains itself"}
		case depth+seen.height > maxDepth:
			return treeSize{}, &LimitError{What: "depth of nesting", Value: depth + seen.height, Limit: maxDepth}
		}
		return seen, nil
	}
	if depth >= maxDepth {
		return treeSize{}, &LimitError{What: "depth of nesting", Value: depth + 1, Limit: maxDepth}
	}
	c.heights[id] = treeSize{height: -1}
	total := treeSize{1, 1}
	add := func(v any) error {
		switch v.(type) {
		case nil, bool, int64, float64, string, *Tensor: // the common leaves
			total.size++
			return nil
		}
		s, err := c.visit(v, depth+1)
		if err != nil {
			return err
		}
		total.height = max(total.height, s.height+1)
		total.size += s.size
		if total.size > maxTreeSize {
			return &LimitError{What: "values of a pickle, shared ones counted each time", Value: total.size, Limit: maxTreeSize}
		}
		return nil
	}
	for i, item := range items {
		items[i] = standIn(item)
		if err := add(items[i]); err != nil {
			return treeSize{}, err
		}
	}
	if dict != nil {
		for i := range dict.entries {
			e := &dict.entries[i]
			e.key, e.value = standIn(e.key), standIn(e.value)
			if err := add(e.key); err != nil {
				return treeSize{}, err
			}
			if err := add(e.value); err != nil {
				return treeSize{}, err
			}
		}
		if dict.Attrs != nil {
			if err := add(dict.Attrs); err != nil {
				return treeSize{}, err
			}
		}
	}
	c.heights[id] = total
	return total, nil
}
