// FunctionRef: a function that is called during a call and not kept, without its type; so that
// machines which take callbacks are no templates. A reference: the function outlives it.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace halton {

template <class Signature>
class FunctionRef;

template <class Out, class... In>
class FunctionRef<Out(In...)> {
public:
    template <class Function,
              class = std::enable_if_t<!std::is_same_v<std::remove_cvref_t<Function>, FunctionRef>>>
    FunctionRef(Function&& function)
        : object_(const_cast<void*>(static_cast<const void*>(std::addressof(function)))),
          call_([](void* object, In... in) -> Out {
              return (*static_cast<std::remove_reference_t<Function>*>(object))(
                  std::forward<In>(in)...);
          }) {}

    Out operator()(In... in) const { return call_(object_, std::forward<In>(in)...); }

private:
    void* object_;
    Out (*call_)(void*, In...);
};

}  // namespace halton
