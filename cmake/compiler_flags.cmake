# Warnings, hardening and sanitizers for every target of the project.
option(MAGMA_WERROR "warnings are errors" OFF)
set(MAGMA_SANITIZE "" CACHE STRING "address,undefined or thread")

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -ftree-vectorize -fvect-cost-model=dynamic -DNDEBUG")
# -Wrestrict: g++ 12 reports it falsely on string concatenation. -Wpsabi: vectors cross no library boundary.
add_compile_options(-Wno-restrict -Wno-psabi -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wimplicit-fallthrough
                    -fno-math-errno -ffp-contract=off -fvisibility-inlines-hidden)
if(MAGMA_WERROR)
  add_compile_options(-Werror)
endif()
if(MAGMA_SANITIZE)
  add_compile_options(-fsanitize=${MAGMA_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1)
  add_link_options(-fsanitize=${MAGMA_SANITIZE})
else()
  add_compile_options(-fstack-protector-strong -D_GLIBCXX_ASSERTIONS)
  add_compile_options($<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
  add_link_options(-Wl,-z,relro -Wl,-z,now)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(LLD ld.lld)
if(LLD AND NOT MAGMA_SANITIZE)
  add_link_options(-fuse-ld=lld)
endif()
