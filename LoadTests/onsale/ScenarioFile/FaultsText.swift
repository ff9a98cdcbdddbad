import Settings

/// The values of `faults:`, each as it is written on the command line.
extension ValueKind where Value == TimedFault {
    static var fault: Self {
        .scalar(
            "a time and what is done then: \(TimedFault.grammar)",
            brief: "30s kill worker, 30s kill gateway for 3s, 30s stop redis for 5s, 30s slow worker for 10s, "
                + "30s errors 10% for 20s, 30s limits inflow=50/s burst=10 slots=200, 30s reload, 30s join gateway",
            write: \.text
        ) { text throws(Refusal) in
            do throws(FaultProblem) {
                return try TimedFault(parsing: text)
            } catch {
                throw Refusal(error.problem)
            }
        }
    }
}
