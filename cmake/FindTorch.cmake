# SPDX-License-Identifier: Apache-2.0
#
# LibTorch as the wheel brings it, as target `torch`. The wheel's own package file stops where the wheel is a
# CUDA build and no CUDA toolkit is installed; but the toolkit is only needed to compile kernels, and the CPU libraries
# of both builds are the same. So: the CPU libraries always, the CUDA libraries with CAUSEWAY_CUDA.
# Torch_ROOT or CMAKE_PREFIX_PATH (torch.utils.cmake_prefix_path) says where; else .venv of this tree is searched.
option(CAUSEWAY_CUDA "Link LibTorch's CUDA libraries" OFF)

file(GLOB environments ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch/share/cmake)
find_path(TORCH_CONFIG_DIR TorchConfig.cmake PATH_SUFFIXES Torch share/cmake/Torch HINTS ${environments}
          NO_CMAKE_SYSTEM_PATH NO_SYSTEM_ENVIRONMENT_PATH)
get_filename_component(TORCH_INSTALL_PREFIX "${TORCH_CONFIG_DIR}/../../.." ABSOLUTE)
set(libraries torch_cpu c10)
if(CAUSEWAY_CUDA)
  list(APPEND libraries torch torch_cuda c10_cuda)
endif()
set(required "")
foreach(library IN LISTS libraries)
  find_library(TORCH_${library} ${library} PATHS ${TORCH_INSTALL_PREFIX}/lib NO_DEFAULT_PATH)
  list(APPEND required TORCH_${library})
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  Torch REQUIRED_VARS TORCH_CONFIG_DIR ${required}
  REASON_FAILURE_MESSAGE "`./run setup` installs it in .venv. CAUSEWAY_CUDA needs the CUDA build.")

if(Torch_FOUND AND NOT TARGET torch)
  add_library(torch INTERFACE IMPORTED GLOBAL)
  foreach(library IN LISTS libraries)
    add_library(torch_wheel::${library} SHARED IMPORTED GLOBAL)
    set_target_properties(torch_wheel::${library} PROPERTIES IMPORTED_LOCATION ${TORCH_${library}})
    target_link_libraries(torch INTERFACE torch_wheel::${library})
  endforeach()
  file(GLOB cuda_headers ${TORCH_INSTALL_PREFIX}/../nvidia/cu*/include)
  target_include_directories(torch SYSTEM INTERFACE ${TORCH_INSTALL_PREFIX}/include
                             ${TORCH_INSTALL_PREFIX}/include/torch/csrc/api/include ${cuda_headers})
  # Kernels register themselves when these load; no symbol of theirs is named here.
  if(CAUSEWAY_CUDA)
    target_link_options(torch INTERFACE -Wl,--no-as-needed)
  endif()
endif()
