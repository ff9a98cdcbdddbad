/// Why a run could not be played to its end, in words for the person who started it.
struct PlayProblem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
