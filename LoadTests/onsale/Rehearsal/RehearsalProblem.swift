/// Why an operator's file cannot be rehearsed, and what to do, in words for the person who wanted it.
struct RehearsalProblem: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
