# magma_add_tests(FOLDER [SUPPORT files] [MODULE module]): tests/FOLDER/*_test.cpp in one program, found by CTest case by
# case. It links the module called as the folder, or the one given.
# A case whose suite's name starts with "Slow" carries the label `slow`.
function(magma_add_tests module)
  cmake_parse_arguments(ARG "" "MODULE" "SUPPORT" ${ARGN})
  if(NOT ARG_MODULE)
    set(ARG_MODULE ${module})
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${module}/*_test.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${module}_test ${sources} ${ARG_SUPPORT} $<TARGET_OBJECTS:magma_test_support>)
  magma_link(${module}_test ${ARG_MODULE})
  target_link_libraries(${module}_test PRIVATE GTest::gmock GTest::gtest_main)
  set_target_properties(${module}_test PROPERTIES ENABLE_EXPORTS ON)
  target_compile_definitions(${module}_test PRIVATE MAGMA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_dependencies(${module}_test magma_media)
  set(seconds 300)
  if(MAGMA_SANITIZE)
    set(seconds 1500)
  endif()
  gtest_discover_tests(
    ${module}_test DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT ${seconds} ENVIRONMENT
    "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/tsan_suppressions.txt:second_deadlock_stack=1")
endfunction()
