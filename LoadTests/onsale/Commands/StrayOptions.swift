import ArgumentParser

/// Options that would do nothing as the others stand. Whoever gave one meant something by it: it is refused by its name,
/// with what to do.
enum StrayOptions {
    typealias Option = (name: String, isGiven: Bool)

    static func refuse(_ options: [Option], _ reason: String) throws {
        let given = options.filter(\.isGiven).map(\.name)
        guard !given.isEmpty else { return }
        throw ValidationError("\(given.joined(separator: ", ")): \(reason)")
    }

    /// What is given twice where one of both would be passed over.
    static func refuseTwice(_ option: String, _ values: [String]) throws {
        var seen: Set<String> = []
        guard let twice = values.first(where: { !seen.insert($0).inserted }) else { return }
        throw ValidationError("\(option): \(twice) is given twice: leave one out")
    }
}
