-- Whose runs, as `scope`, within a range of time, of runs that used a tool where one is named.
${scope}
          AND ${started}
          AND ${tool}
