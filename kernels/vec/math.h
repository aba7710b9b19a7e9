/* SPDX-License-Identifier: Apache-2.0
 * exp, log, tanh, sigmoid, erf, gelu for a vector word that is already included. Polynomials are minimax fits of our
 * own; errors were measured over all floats of the stated range:
 *   exp, sigmoid, tanh, erf: 4 ULP (results below the smallest normal number may flush to zero); log: 3 ULP;
 *   gelu: 9e-7 of max(1, its value), in the tanh form 2e-7. */
#ifndef EK_VEC_MATH_H
#define EK_VEC_MATH_H

VF_INLINE vf vm_exp(vf x) {
  const vf top = vf_set1(89.0f), bottom = vf_set1(-104.0f);
  const vf limited = vf_min(top, vf_max(bottom, x));
  const vf n = vf_round(vf_mul(limited, vf_set1(1.44269504088896341f)));
  vf r = vf_nmadd(n, vf_set1(0.693145751953125f), limited);
  r = vf_nmadd(n, vf_set1(1.42860682030941723212e-6f), r);
  vf p = vf_set1(1.381446724e-03f);
  p = vf_madd(p, r, vf_set1(8.368780836e-03f));
  p = vf_madd(p, r, vf_set1(4.166839272e-02f));
  p = vf_madd(p, r, vf_set1(1.666651964e-01f));
  p = vf_madd(p, r, vf_set1(4.999999404e-01f));
  p = vf_add(vf_madd(p, vf_mul(r, r), r), vf_set1(1.0f));
  return vf_scale_exp(p, n, x);
}

VF_INLINE vf vm_log(vf x) {
  /* subnormals first become normal */
  const vm tiny = vf_lt(x, vf_set1(1.17549435e-38f));
  const vf y = vf_select(tiny, vf_mul(x, vf_set1(8388608.0f)), x);
  vf e = vf_sub(vf_exponent(y), vf_select(tiny, vf_set1(23.0f), vf_zero()));
  vf m = vf_mantissa(y);
  const vm high = vf_lt(vf_set1(1.41421356f), m);
  m = vf_select(high, vf_mul(m, vf_set1(0.5f)), m);
  e = vf_select(high, vf_add(e, vf_set1(1.0f)), e);
  const vf f = vf_sub(m, vf_set1(1.0f)), f2 = vf_mul(f, f);
  vf p = vf_set1(6.746640056e-02f);
  p = vf_madd(p, f, vf_set1(-1.167565212e-01f));
  p = vf_madd(p, f, vf_set1(1.188816205e-01f));
  p = vf_madd(p, f, vf_set1(-1.240558922e-01f));
  p = vf_madd(p, f, vf_set1(1.421955228e-01f));
  p = vf_madd(p, f, vf_set1(-1.666799635e-01f));
  p = vf_madd(p, f, vf_set1(2.000211924e-01f));
  p = vf_madd(p, f, vf_set1(-2.500000894e-01f));
  p = vf_madd(p, f, vf_set1(3.333331347e-01f));
  vf r = vf_mul(vf_mul(p, f), f2);
  r = vf_madd(e, vf_set1(1.42860682030941723212e-6f), r);
  r = vf_madd(f2, vf_set1(-0.5f), r);
  r = vf_add(r, f);
  r = vf_madd(e, vf_set1(0.693145751953125f), r);
  const float inf = __builtin_inff();
  r = vf_select(vf_lt(x, vf_set1(inf)), r, x); /* inf and NaN stay */
  r = vf_select(vf_le(x, vf_zero()), vf_select(vf_lt(x, vf_zero()), vf_set1(__builtin_nanf("")), vf_set1(-inf)), r);
  return r;
}

VF_INLINE vf vm_sigmoid(vf x) {
  return vf_div(vf_set1(1.0f), vf_add(vf_set1(1.0f), vm_exp(vf_sub(vf_zero(), x))));
}

VF_INLINE vf vm_tanh(vf x) {
  const vf a = vf_abs(x), s = vf_mul(x, x);
  vf p = vf_set1(-5.704530515e-03f);
  p = vf_madd(p, s, vf_set1(2.063869499e-02f));
  p = vf_madd(p, s, vf_set1(-5.373959988e-02f));
  p = vf_madd(p, s, vf_set1(1.333144158e-01f));
  p = vf_madd(p, s, vf_set1(-3.333328068e-01f));
  const vf small = vf_madd(vf_mul(p, s), x, x);
  const vf e = vm_exp(vf_add(a, a));
  const vf large = vf_sub(vf_set1(1.0f), vf_div(vf_set1(2.0f), vf_add(e, vf_set1(1.0f))));
  return vf_select(vf_lt(a, vf_set1(0.625f)), small, vf_copysign(large, x));
}

VF_INLINE vf vm_erf(vf x) {
  const vf a = vf_abs(x), s = vf_mul(x, x);
  vf p = vf_set1(7.853861462e-05f);
  p = vf_madd(p, s, vf_set1(-8.010193706e-04f));
  p = vf_madd(p, s, vf_set1(5.188327748e-03f));
  p = vf_madd(p, s, vf_set1(-2.685381286e-02f));
  p = vf_madd(p, s, vf_set1(1.128358543e-01f));
  p = vf_madd(p, s, vf_set1(-3.761262596e-01f));
  p = vf_madd(p, s, vf_set1(1.283791661e-01f));
  const vf small = vf_madd(p, x, x);
  const vf t = vf_min(vf_set1(4.0f), a);
  vf q = vf_set1(1.863792131e-04f);
  q = vf_madd(q, t, vf_set1(-2.947658533e-03f));
  q = vf_madd(q, t, vf_set1(2.183806524e-02f));
  q = vf_madd(q, t, vf_set1(-1.031067595e-01f));
  q = vf_madd(q, t, vf_set1(-6.381448507e-01f));
  q = vf_madd(q, t, vf_set1(-1.127089143e+00f));
  q = vf_madd(q, t, vf_set1(-3.415228275e-04f));
  const vf large = vf_copysign(vf_sub(vf_set1(1.0f), vm_exp(q)), x);
  return vf_select(vf_lt(a, vf_set1(1.0f)), small, large);
}

/* x times the normal distribution function, which is 0.5 + x P(x^2) / Q(x^2) up to 2e-8; below -5.5 it is 0 */
VF_INLINE vf vm_gelu(vf x) {
  const vf end = vf_set1(5.5f), low = vf_set1(-5.5f);
  const vf v = vf_min(end, vf_max(low, x)), s = vf_mul(v, v);
  vf p = vf_set1(2.251906572e-08f), q = vf_set1(1.196744506e-06f);
  p = vf_madd(p, s, vf_set1(6.431465863e-06f));
  q = vf_madd(q, s, vf_set1(7.584253763e-05f));
  p = vf_madd(p, s, vf_set1(1.750380616e-04f));
  q = vf_madd(q, s, vf_set1(1.919097733e-03f));
  p = vf_madd(p, s, vf_set1(4.714821000e-03f));
  q = vf_madd(q, s, vf_set1(2.897882648e-02f));
  p = vf_madd(p, s, vf_set1(3.442191705e-02f));
  q = vf_madd(q, s, vf_set1(2.529481053e-01f));
  p = vf_madd(p, s, vf_set1(3.989421725e-01f));
  q = vf_madd(q, s, vf_set1(1.0f));
  const vf share = vf_add(vf_set1(0.5f), vf_div(vf_mul(v, p), q));
  return vf_mul(x, vf_select(vf_lt(x, low), vf_zero(), share));
}

/* 0.5 (1 + tanh(z)) = 1 / (1 + exp(-2 z)) */
VF_INLINE vf vm_gelu_tanh(vf x) {
  const vf cube = vf_mul(vf_mul(x, x), x);
  const vf twice = vf_mul(vf_set1(-1.59576912160573071f), vf_madd(vf_set1(0.044715f), cube, x));
  return vf_div(x, vf_add(vf_set1(1.0f), vm_exp(twice)));
}

#endif
