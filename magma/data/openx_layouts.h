// The layouts of the Open-X data sets, as data: where each keeps its cameras, its state, its instruction, and how its
// action becomes the seven numbers of magma/action/robot_action.h. Source: data_formats.md 2.3, 2.6.
//
// A recipe is a list of terms, laid side by side. A term is zeros(n), ones(n), or a feature, with functions around it:
//   a/NAME, o/NAME, s/NAME   steps/action/NAME, steps/observation/NAME, steps/NAME; "a" alone: steps/action
//   NAME:3                   must have three columns
//   NAME[1] NAME[:6] NAME[-8:-2]   columns, as Python counts them; all of them must be there
//   inv(x) clip01(x) binarize(x) rel2abs(x)   grippers, data_formats.md 2.4
//   euler(x)                 four columns, a quaternion xyzw, to roll, pitch, yaw
// A feature of one number a step is one column, whether it is stored as [T] or as [T, 1].
#pragma once

#include <span>
#include <string_view>

namespace magma {

enum class StateEncoding { None, PosEuler, PosQuat, Joint };
enum class ActionEncoding { EefPos, JointPos };  // seven relative numbers with an absolute gripper; joint angles
// Steps' language_instruction; observations' natural_language_instruction; observations' instruction in code points.
enum class LanguageSource { Instruction, Natural, CodePoints };
enum class LayoutQuirk {
  None,
  Bridge,  // the first and the last step are left out; moves are differences of the state
  Droid    // the two outer cameras are swapped at random, frames that stand still are not drawn
};

struct OpenxLayoutRow {
  std::string_view name;
  std::string_view cameras;  // primary, secondary, wrist; "-": none
  std::string_view depth;    // the same; empty: none at all
  StateEncoding state;
  std::string_view proprio;  // recipe
  LanguageSource language;
  std::string_view action;  // recipe
  ActionEncoding encoding = ActionEncoding::EefPos;
  LayoutQuirk quirk = LayoutQuirk::None;
  std::string_view unknown{};  // what is not stated anywhere, so that the data set cannot be read
};

std::span<const OpenxLayoutRow> openx_layout_rows();

}  // namespace magma
