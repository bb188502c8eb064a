{{ errors_by('length') }}
