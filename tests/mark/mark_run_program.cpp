// A run of marks whose work on an item is made up: quick, and the same bytes for the same id. For the tests that kill
// it and that start it under mpirun. Usage: mark_run_program LIST FOLDER WORKERS PART PARTS [FAILING_ITEM]
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "magma/core/error.h"
#include "magma/core/interrupt.h"
#include "tests/mark/made_up_work.h"

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  magma::install_interrupt_handlers();
  magma::MarkRunOptions options = magma::made_up_options(argv[2]);
  options.workers = std::atoi(argv[3]);
  options.part = std::atoi(argv[4]);
  options.parts = std::atoi(argv[5]);
  try {
    const magma::WorkList list = magma::read_work_list(argv[1]);
    std::unique_ptr<magma::WorkSource> source = magma::ranked_work_source();
    if (!source) source = magma::local_work_source();
    magma::run_marks(list, options, magma::made_up_work(argc > 6 ? argv[6] : "", 3), *source);
  } catch (const magma::Error& error) {
    std::fprintf(stderr, "%s\n", error.line().c_str());
    return error.exit_code();
  }
  return 0;
}
