//! Tells the code which Python it is built for.

fn main() {
    // `Py_GIL_DISABLED`: whether threads run Python at the same time.
    #[cfg(feature = "extension")]
    pyo3_build_config::use_pyo3_cfgs();
    #[cfg(feature = "extension")]
    pyo3_build_config::add_extension_module_link_args();
}
