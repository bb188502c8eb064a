{{ errors_by('noise_level') }}
