"""Minerva's OCW set: 272 undergraduate science problems from MIT OpenCourseWare (Lewkowycz et al. 2022)."""

from eval.suites.suite import Copy, Defect, Hub, Suite, ids
from eval.suites.text import expression

_E_NOTATION = (
    "001 010 013 015 018 022 023 026 037 042 043 044 047 050 060 129 135 136 149 156 158 163 166 171 172 174 "
    "175 178 179 180 182 183 184 186 187 191 194 197 198 200 201 206 208 213 215 218 222 223 228 232 235 236 "
    "238 239 263 264 265 267"
)

_PREVIOUS_ANSWER = (
    "005 013 018 032 043 044 052 056 057 061 068 074 075 076 081 087 091 093 101 104 105 107 110 112 114 117 "
    "118 120 121 129 133 134 136 139 140 144 145 147 149 151 153 159 161 162 166 167 169 174 176 177 198 199 "
    "205 211 217 223 226 227 230 231 237 242 246 247 248 251 254 255 268"
)

SUITE = Suite(
    name="minerva_math",
    version="1",
    description="OCWCourses of Minerva (arXiv 2206.14858)",
    hub=Hub("math-ai/minervamath", "test", "ee46ddc498933b1977577953250ca5c66be64f96"),
    counts=(272,),
    copies=(
        Copy(
            "95bad038e545164f5faa980c8ab96410869411b1e4bb517e59d38ef653611b24",
            "Qwen2.5-Math, gold = last \\boxed of the solution; the same content in FiRe-OPD and thunlp/OPD "
            "(two files)",
        ),
    ),
    licence="MIT OpenCourseWare: CC BY-NC-SA 4.0; the hub's card names none",
    answer_type="number, often in e-notation and with the unit stated in the problem, or expression",
    answer=expression,
    defects=(
        Defect("gold in e-notation (4.5e33), not LaTeX", ids("minerva", _E_NOTATION)),
        Defect("gold is code, not LaTeX (np.arcsin(10/13), -1./3)", ids("minerva", "005 038 049 071 095")),
        Defect("the text holds the solution of an earlier sub-question", ids("minerva", _PREVIOUS_ANSWER)),
        Defect("gold has dollars inside", ids("minerva", "072")),
        Defect("gold omits the power of ten that the stated unit requires", ids("minerva", "155 162 165")),
    ),
)
